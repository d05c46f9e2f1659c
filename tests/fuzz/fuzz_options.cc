// Any option area: what was parsed, emitted and parsed again is the same, and emitting is then a fixed point.
#include <vector>

#include "stack/wire/tcp_options.h"
#include "tests/fuzz/check.h"
#include "tests/wire/same_options.h"

using namespace tributary;
using namespace tributary::wire;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Four times what a header holds: more options of more kinds meet, and long REMOVE_ADDR lists are reached.
  if (size > 4 * kMaxTcpOptions) return -1;
  TcpOptions first;
  parse_tcp_options({data, size}, first);

  std::vector<uint8_t> bytes(tcp_options_size(first));
  CHECK_PROPERTY(bytes.size() % 4 == 0);
  CHECK_PROPERTY(emit_tcp_options(first, bytes) == bytes.size());
  TcpOptions second;
  parse_tcp_options(bytes, second);
  constexpr uint16_t kLeftOut = TcpOptions::kMalformed | TcpOptions::kUnknown;
  CHECK_PROPERTY(((second.present | second.mptcp.present) & kLeftOut) == 0);
  CHECK_PROPERTY(test::same_options(first, second));

  std::vector<uint8_t> again(tcp_options_size(second));
  CHECK_PROPERTY(emit_tcp_options(second, again) == again.size());
  CHECK_PROPERTY(again == bytes);
  return 0;
}
