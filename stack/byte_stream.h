// ByteStream: the one interface a relay sees of a connection, TCP or MPTCP (design D8).
#pragma once

#include <cstdint>

#include "stack/base/slab.h"

namespace tributary {

/// Names a stream. Outlives its connection harmlessly: every call on a gone stream does nothing.
struct ByteStream {
  enum class Kind : uint8_t { kNone, kTcp, kMptcp };
  uint32_t index = UINT32_MAX;
  uint32_t generation = 0;
  Kind kind = Kind::kNone;
  explicit operator bool() const { return kind != Kind::kNone; }
  bool operator==(const ByteStream&) const = default;
};

/// What has happened to a stream since its user was last told. Bits add up within one pass.
enum StreamEvent : uint16_t {
  kStreamEstablished = 1 << 0,  ///< handshake complete (active opens: the SYN-ACK came)
  kStreamReadable = 1 << 1,     ///< in-order payload arrived
  kStreamAcked = 1 << 2,        ///< the peer acknowledged written bytes: room to write, see take_acked
  kStreamEnd = 1 << 3,          ///< the peer closed its direction (FIN, DATA_FIN) and everything before it is readable
  kStreamReset = 1 << 4,   ///< gone: reset, aborted, timed out, see stream_error; the stream no longer exists after
                           ///< the user returned
  kStreamClosed = 1 << 5,  ///< gone: both directions closed in order
};

/// What becomes of a written piece that does not fill a segment (RFC 9293 §3.7.4).
enum class Gathering : uint8_t {
  kNone,   ///< leaves at once: a relay must not wait
  kNagle,  ///< waits while another such piece is unacknowledged, or until a segment is full
  kCork,   ///< waits until a segment is full, or with nothing under way for a retransmission time-out
};

/// Why a stream is gone.
enum class StreamError : uint8_t {
  kNone,
  kReset,
  kTimeout,
  kUnreachable,
  kRefused,
  kAborted,
  kProtocol,
  kNoPath,
};

/// Receives the events of the streams it was given for. One call a stream and pass.
class StreamUser {
 public:
  virtual ~StreamUser() = default;
  /// `user_data` is what the stream was given with; `events` are StreamEvent bits.
  virtual void on_stream(ByteStream stream, uint64_t user_data, uint16_t events) = 0;
};

}  // namespace tributary
