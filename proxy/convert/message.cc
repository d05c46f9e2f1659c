#include "proxy/convert/message.h"

namespace tributary::convert {

HeaderStatus parse_header(std::span<const uint8_t> stream, size_t& size) {
  constexpr size_t kMagicOffset = 2;
  constexpr uint8_t kMagicBytes[] = {kMagic >> 8, kMagic & 0xff};
  // Another protocol is told apart by its third byte already.
  for (size_t i = 0; i < sizeof(kMagicBytes) && kMagicOffset + i < stream.size(); ++i)
    if (stream[kMagicOffset + i] != kMagicBytes[i]) return HeaderStatus::kNotConvert;
  if (stream.size() < kHeaderSize) return HeaderStatus::kNeedMore;
  if (stream[0] != kVersion) return HeaderStatus::kUnsupportedVersion;
  if (stream[1] == 0) return HeaderStatus::kZeroLength;
  size = stream[1] * kWordSize;
  return stream.size() < size ? HeaderStatus::kNeedMore : HeaderStatus::kComplete;
}

TlvReader::Status TlvReader::next(Tlv& out) {
  constexpr size_t kTypeAndLength = 2;
  if (rest_.empty()) return Status::kEnd;
  // A message is whole words, so at least one is left.
  const size_t size = rest_[1] * kWordSize;
  if (size == 0 || size > rest_.size()) {
    rest_ = {};
    return Status::kMalformed;
  }
  out = {rest_[0], rest_.subspan(kTypeAndLength, size - kTypeAndLength)};
  rest_ = rest_.subspan(size);
  return Status::kTlv;
}

}  // namespace tributary::convert
