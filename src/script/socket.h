// A socket of the socket face: what a program sees of one stream, or of a listener and its children.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "src/script/tcp_info.h"
#include "stack/listener.h"
#include "stack/right_sizing.h"
#include "stack/wire/ip_address.h"

namespace tributary::script {

struct SocketAddress {
  IpAddress address;
  uint16_t port = 0;
};

struct Socket {
  enum class State : uint8_t { kNew, kListening, kConnecting, kConnected, kGone };
  State state = State::kNew;
  int domain = 0;
  bool mptcp = false;
  bool nonblocking = false;
  bool accepted = true;  ///< a program has or had a descriptor of it; false for a child still waiting
  bool orphan = false;   ///< no descriptor: not accepted yet
  std::optional<SocketAddress> local;
  SocketAddress remote;
  ByteStream stream;

  // A listener and its children.
  uint64_t parent = 0;  ///< socket number of the listener a child came from
  int backlog = 0;
  unsigned half_open = 0;
  std::deque<uint64_t> ready;  ///< children to be accepted
  std::unique_ptr<Acceptor> acceptor;

  // The byte stream.
  std::string unread;       ///< taken from the stream, not yet read by the program
  uint32_t unreleased = 0;  ///< of those, still charged to the receive budget
  bool peer_closed = false;
  bool read_shut = false;
  bool write_shut = false;
  int error = 0;  ///< pending, as SO_ERROR tells it
  bool connect_reported = false;
  uint64_t bytes_read = 0;
  uint64_t bytes_written = 0;

  /// What the stack knew of the connection when it ended.
  std::optional<tcp::TcpInfo> last_info;

  // Options.
  uint32_t send_buffer = 4 << 20;
  uint32_t receive_buffer = 0;  ///< 0: what the stack gives
  uint32_t budget = 0;          ///< right-sized; 0: it is not
  RightSizing sizing;
  uint16_t max_segment = 0;
  bool no_delay = false;
  bool cork = false;
  std::optional<int> linger;       ///< seconds
  uint8_t tos_v4 = 0, tos_v6 = 0;  ///< IP_TOS and IPV6_TCLASS: DSCP above two zero bits
  congestion::Algorithm algorithm = congestion::Algorithm::kCubic;
  int fast_open_queue = 0;  ///< TCP_FASTOPEN of a listener
  bool fast_open_no_cookie = false;
  bool fast_open_connect = false;                 ///< TCP_FASTOPEN_CONNECT
  std::optional<SocketAddress> deferred;          ///< with it: whom the first write connects to
  uint32_t unsent_low = 0;                        ///< TCP_NOTSENT_LOWAT; 0: the sysctl's
  std::map<std::pair<int, int>, int> remembered;  ///< set and read back, without an effect here
};

}  // namespace tributary::script
