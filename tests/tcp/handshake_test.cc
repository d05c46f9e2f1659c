// Opening: passive and active, options, initial sequence numbers, simultaneous open (RFC 9293 §3.5, RFC 7323,
// RFC 6528).
#include "tests/tcp/script.h"

namespace tributary::test {
namespace {

class TcpHandshake : public ScriptTest {};

TEST_F(TcpHandshake, PassiveOpenIsEstablishedByTheThirdAck) {
  listen();
  Peer peer(*this);
  peer.send(syn().mss(1460));
  peer.expect(kSyn | kAck, 0, 1);
  EXPECT_FALSE(log().has(kStreamEstablished));
  peer.send(ack(1, 1));
  EXPECT_TRUE(log().has(kStreamEstablished));
}

}  // namespace
}  // namespace tributary::test
