// The plug-in as packetdrill has it: looked up in the shared object, with a peer of our own at its network.
#pragma once

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include <cstring>
#include <string>

#include "src/script/live_packet.h"
#include "src/script/plugin/interface.h"

namespace tributary::script::test {

using namespace wire::tcp_flag;

/// Two hosts of one family, as system calls name them.
struct PluginHosts {
  IpAddress local, remote;

  int domain() const { return local.is_v4() ? AF_INET : AF_INET6; }
};
// Not the plug-in's own defaults: packetdrill chooses addresses at random.
inline const PluginHosts kHosts4{IpAddress::v4(0xc0a83fd9), IpAddress::v4(0xc0000201)};  // 192.168.63.217, 192.0.2.1
inline const PluginHosts kHosts6{*IpAddress::parse("fd3d:a0b:17d6::1"), *IpAddress::parse("2001:db8::9")};

/// A socket address of either family.
struct PluginAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  PluginAddress(const IpAddress& address, uint16_t port) {
    if (address.is_v4()) {
      auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
      v4.sin_family = AF_INET;
      v4.sin_port = htons(port);
      v4.sin_addr.s_addr = htonl(address.v4_value());
      size = sizeof v4;
      return;
    }
    auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(v6.sin6_addr.s6_addr, address.bytes().data(), 16);
    size = sizeof v6;
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

class Plugin : public testing::Test {
 protected:
  // One a process: the EAL under it starts once.
  static void SetUpTestSuite() {
    void* handle = dlopen(PLUGIN, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE | RTLD_DEEPBIND);
    ASSERT_NE(handle, nullptr) << dlerror();
    using Init = void (*)(const char*, packetdrill_interface*);
    const auto init = reinterpret_cast<Init>(dlsym(handle, "packetdrill_interface_init"));
    ASSERT_NE(init, nullptr) << dlerror();
    init("mtu=1500,net.ipv4.tcp_syn_retries=3", &ifc);
    ASSERT_NE(ifc.userdata, nullptr);
  }
  static void TearDownTestSuite() { ifc.free(ifc.userdata); }

  void SetUp() override { ASSERT_NE(ifc.userdata, nullptr); }

  static void send(uint16_t flags, uint32_t seq, uint32_t ack, std::string_view payload, uint16_t port, uint16_t to,
                   const PluginHosts& hosts = kHosts4) {
    wire::IpHeader ip;
    ip.source = hosts.remote;
    ip.destination = hosts.local;
    ip.hop_limit = 64;
    wire::TcpHeader tcp;
    tcp.source_port = port;
    tcp.destination_port = to;
    tcp.seq = SeqNum(seq);
    tcp.ack = SeqNum(ack);
    tcp.flags = flags;
    tcp.window = 60000;
    const Bytes packet =
        make_tcp_packet(ip, tcp, {}, {reinterpret_cast<const uint8_t*>(payload.data()), payload.size()});
    EXPECT_EQ(ifc.netdev_send(ifc.userdata, packet.data(), packet.size()), 0);
  }
  static LivePacket receive(long long* when = nullptr) {
    uint8_t buffer[4096];
    size_t size = sizeof buffer;
    long long time = 0;
    EXPECT_EQ(ifc.netdev_receive(ifc.userdata, buffer, &size, &time), 0);
    EXPECT_NE(size, 0u) << "no packet came";
    if (when != nullptr) *when = time;
    LivePacket packet = parse_packet_bytes({buffer, size}, Micros(time));
    EXPECT_TRUE(packet.defects.empty());
    return packet;
  }
  /// The payload of the next packet.
  static std::string receive_payload() {
    const LivePacket packet = receive();
    return {packet.body.begin(), packet.body.end()};
  }
  /// What the tests before have left is of nobody's concern.
  static void drain() {
    uint8_t buffer[4096];
    for (size_t size = 1; size != 0;) {
      long long time = 0;
      size = sizeof buffer;
      ASSERT_EQ(ifc.netdev_receive(ifc.userdata, buffer, &size, &time), 0);
    }
  }
  static long long now() {
    timeval tv{};
    EXPECT_EQ(ifc.gettimeofday(ifc.userdata, &tv, nullptr), 0);
    return tv.tv_sec * 1'000'000ll + tv.tv_usec;
  }
  /// A listener, and one connection accepted from it.
  static int open_connection(uint16_t port, uint32_t& ack, const PluginHosts& hosts = kHosts4) {
    const int listener = ifc.socket(ifc.userdata, hosts.domain(), SOCK_STREAM, IPPROTO_TCP);
    const PluginAddress where(hosts.local, port);
    EXPECT_EQ(ifc.bind(ifc.userdata, listener, where.get(), where.size), 0);
    EXPECT_EQ(ifc.listen(ifc.userdata, listener, 1), 0);
    send(kSyn, 100, 0, "", 1000, port, hosts);
    LivePacket answer = receive();
    while (answer.tcp->source_port != port) answer = receive();  // what is left of other connections
    ack = answer.tcp->seq.raw() + 1;
    send(kAck, 101, ack, "", 1000, port, hosts);
    const PluginAddress wanted(hosts.remote, 1000);
    PluginAddress peer(hosts.remote, 0);
    const int fd = ifc.accept(ifc.userdata, listener, reinterpret_cast<sockaddr*>(&peer.storage), &peer.size);
    EXPECT_EQ(peer.size, wanted.size);
    EXPECT_EQ(std::memcmp(&peer.storage, &wanted.storage, wanted.size), 0);
    return fd;
  }

  static inline packetdrill_interface ifc{};
};

}  // namespace tributary::script::test
