#include "proxy/convert/reply.h"

#include <bitset>

namespace tributary::convert {

namespace {

using Bytes = std::span<const uint8_t>;

bool has_option(Bytes list, uint8_t wanted) {
  constexpr uint8_t kEndOfList = 0, kNoOperation = 1;
  while (!list.empty() && list[0] != kEndOfList) {
    if (list[0] == kNoOperation) {
      list = list.subspan(1);
      continue;
    }
    if (list.size() < 2 || list[1] < 2 || list[1] > list.size()) return false;
    if (list[0] == wanted) return true;
    list = list.subspan(list[1]);
  }
  return false;
}

}  // namespace

Reply parse_reply(Bytes stream) {
  constexpr size_t kUnassigned = 2;
  constexpr uint8_t kMptcp = 30;
  using Outcome = Reply::Outcome;
  Reply r;
  size_t size = 0;
  switch (parse_header(stream, size)) {
    case HeaderStatus::kNeedMore:
      return r;
    case HeaderStatus::kNotConvert:
      r.outcome = Outcome::kNotConvert;
      return r;
    case HeaderStatus::kZeroLength:
    case HeaderStatus::kUnsupportedVersion:
      r.outcome = Outcome::kReset;
      return r;
    case HeaderStatus::kComplete:
      break;
  }
  r.size = static_cast<uint16_t>(size);
  r.outcome = Outcome::kAccepted;
  std::bitset<256> seen;
  TlvReader reader(stream.first(size));
  Tlv tlv;
  for (;;) {
    const TlvReader::Status status = reader.next(tlv);
    if (status == TlvReader::Status::kEnd) return r;
    if (status == TlvReader::Status::kMalformed || seen[tlv.type]) break;
    seen.set(tlv.type);
    switch (static_cast<TlvType>(tlv.type)) {
      case TlvType::kExtendedTcpHeader:
        r.has_extended_header = true;
        r.server_options = tlv.value.subspan(kUnassigned);
        r.server_speaks_mptcp = has_option(r.server_options, kMptcp);
        continue;
      case TlvType::kSupportedExtensions:
        r.supported_kinds = tlv.value.subspan(kUnassigned);
        continue;
      case TlvType::kError:
        r.outcome = Outcome::kError;
        r.error = tlv.value[0];
        r.error_value = tlv.value.subspan(1);
        return r;
      case TlvType::kReserved:
      case TlvType::kInfo:
      case TlvType::kConnect:
      case TlvType::kCookie:
      default:
        break;
    }
    break;
  }
  r.outcome = Outcome::kReset;
  return r;
}

}  // namespace tributary::convert
