// Any stream read as a Convert request and as a reply: results stay inside the message, what was understood
// builds and parses back the same, and every error found has an answer that is a valid message.
#include <algorithm>
#include <vector>

#include "proxy/convert/builder.h"
#include "proxy/convert/reply.h"
#include "proxy/convert/request.h"
#include "tests/fuzz/check.h"

using namespace tributary;
using namespace tributary::convert;

namespace {

using Bytes = std::span<const uint8_t>;

bool is_inside(Bytes part, Bytes whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}
bool same(Bytes a, Bytes b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

void check_request(Bytes stream) {
  const Request r = parse_request(stream);
  CHECK_PROPERTY(r.size <= stream.size() && r.size <= kMaxMessageSize);
  CHECK_PROPERTY(is_inside(r.raw_options, stream.first(r.size)) && is_inside(r.cookie, stream.first(r.size)));
  switch (r.outcome) {
    case Request::Outcome::kNeedMore:
      CHECK_PROPERTY(stream.size() < kMaxMessageSize);
      break;
    case Request::Outcome::kError: {
      const Message answer = build_error(r);
      const Reply reply = parse_reply(answer.bytes());
      CHECK_PROPERTY(reply.outcome == Reply::Outcome::kError && reply.size == answer.size());
      CHECK_PROPERTY(reply.error == static_cast<uint8_t>(r.error));
      break;
    }
    case Request::Outcome::kConnect: {
      const Message built = build_connect(r.address, r.port, r.raw_options, r.cookie);
      const Request again = parse_request(built.bytes());
      CHECK_PROPERTY(again.outcome == Request::Outcome::kConnect && again.size == built.size());
      CHECK_PROPERTY(again.address == r.address && again.port == r.port && same(again.cookie, r.cookie));
      CHECK_PROPERTY(same(again.raw_options, r.raw_options) && again.options.mptcp == r.options.mptcp);
      CHECK_PROPERTY(again.options.fast_open_cookie == r.options.fast_open_cookie);
      break;
    }
    case Request::Outcome::kNotConvert:
    case Request::Outcome::kReset:
    case Request::Outcome::kInfo:
      break;
  }
  // User data behind a message change nothing.
  if (r.size != 0) CHECK_PROPERTY(parse_request(stream.first(r.size)).outcome == r.outcome);
}

void check_reply(Bytes stream) {
  const Reply r = parse_reply(stream);
  CHECK_PROPERTY(r.size <= stream.size());
  const Bytes message = stream.first(r.size);
  CHECK_PROPERTY(is_inside(r.server_options, message) && is_inside(r.supported_kinds, message));
  CHECK_PROPERTY(is_inside(r.error_value, message));
  if (r.outcome != Reply::Outcome::kAccepted || !r.has_extended_header) return;
  if (r.server_options.size() > kMaxTcpOptionsSize) return;
  const Message built = build_accept(r.server_options);
  const Reply again = parse_reply(built.bytes());
  CHECK_PROPERTY(again.outcome == Reply::Outcome::kAccepted && same(again.server_options, r.server_options));
  CHECK_PROPERTY(again.server_speaks_mptcp == r.server_speaks_mptcp);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 2 * kMaxMessageSize) return -1;
  check_request({data, size});
  check_reply({data, size});
  return 0;
}
