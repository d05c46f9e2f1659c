#include "testbed/link/packet_socket.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <optional>
#include <system_error>

namespace tributary::link {

namespace {

// A frame is received behind this room, so that a VLAN tag the kernel took off can be put back without moving
// the payload.
constexpr std::size_t kTagBytes = 4;
constexpr std::size_t kMacBytes = 12;

constexpr int kBufferBytes = 64 << 20;  // a pause of this process is ridden out in the socket, not lost

void check(int result, const std::string& what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
}

TimePoint read_clock(clockid_t clock) {
  timespec now;
  clock_gettime(clock, &now);
  return std::chrono::seconds(now.tv_sec) + Nanos(now.tv_nsec);
}

struct Ancillary {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(tpacket_auxdata)) + CMSG_SPACE(sizeof(timespec))> bytes;
};

/// What the kernel says of the frame in `header`, each if it does.
struct Notes {
  std::optional<tpacket_auxdata> auxdata;
  std::optional<TimePoint> arrival;  // CLOCK_REALTIME
};

template <typename T>
T read_as(cmsghdr* c) {
  T value;
  std::memcpy(&value, CMSG_DATA(c), sizeof(value));
  return value;
}

Notes read_notes(msghdr& header) {
  Notes notes;
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA) notes.auxdata = read_as<tpacket_auxdata>(c);
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
      const auto time = read_as<timespec>(c);
      notes.arrival = std::chrono::seconds(time.tv_sec) + Nanos(time.tv_nsec);
    }
  }
  return notes;
}

// The kernel keeps an outer tag beside the packet. Returns the length with the tag back in its place.
std::uint32_t put_tag_back(std::uint8_t* buffer, std::uint32_t length, const tpacket_auxdata& auxdata) {
  std::memmove(buffer, buffer + kTagBytes, kMacBytes);
  std::uint16_t protocol = auxdata.tp_status & TP_STATUS_VLAN_TPID_VALID ? auxdata.tp_vlan_tpid : ETH_P_8021Q;
  buffer[12] = static_cast<std::uint8_t>(protocol >> 8);
  buffer[13] = static_cast<std::uint8_t>(protocol);
  buffer[14] = static_cast<std::uint8_t>(auxdata.tp_vlan_tci >> 8);
  buffer[15] = static_cast<std::uint8_t>(auxdata.tp_vlan_tci);
  return length + kTagBytes;
}

}  // namespace

TimePoint read_clock() {
  return read_clock(CLOCK_MONOTONIC);
}

PacketSocket::PacketSocket(const std::string& name) {
  unsigned index = if_nametoindex(name.c_str());
  if (index == 0) throw std::system_error(errno, std::generic_category(), "no interface " + name);
  // Protocol 0: nothing is received before the socket is bound to its interface.
  descriptor_ = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  check(descriptor_, "packet socket");
  const int on = 1;
  check(setsockopt(descriptor_, SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on)), "PACKET_AUXDATA");
  check(setsockopt(descriptor_, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)), "PACKET_IGNORE_OUTGOING");
  check(setsockopt(descriptor_, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)), "PACKET_QDISC_BYPASS");
  check(setsockopt(descriptor_, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)), "SO_TIMESTAMPNS");
  check(setsockopt(descriptor_, SOL_SOCKET, SO_RCVBUFFORCE, &kBufferBytes, sizeof(kBufferBytes)), "SO_RCVBUFFORCE");
  check(setsockopt(descriptor_, SOL_SOCKET, SO_SNDBUFFORCE, &kBufferBytes, sizeof(kBufferBytes)), "SO_SNDBUFFORCE");
  packet_mreq membership{};
  membership.mr_ifindex = static_cast<int>(index);
  membership.mr_type = PACKET_MR_PROMISC;
  check(setsockopt(descriptor_, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &membership, sizeof(membership)),
        "promiscuous mode");
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(index);
  check(bind(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), "bind to " + name);
}

PacketSocket::~PacketSocket() {
  if (descriptor_ >= 0) close(descriptor_);
}

bool PacketSocket::receive(FramePool& pool, Statistics& statistics, std::array<Received, kBatch>& frames,
                           std::size_t& count) {
  count = 0;
  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> vectors;
  std::array<Ancillary, kBatch> ancillary;
  std::array<FrameIndex, kBatch> buffers;
  std::array<std::uint8_t, 1> nowhere;  // with no buffer left frames are still read, to be dropped and counted

  std::size_t taken = 0;
  for (; taken < kBatch; ++taken) {
    auto buffer = pool.take();
    if (!buffer) break;
    buffers[taken] = *buffer;
    vectors[taken] = {pool.bytes(*buffer).data() + kTagBytes, pool.frame_bytes() - kTagBytes};
  }
  std::size_t wanted = taken;
  if (taken == 0) {
    vectors[0] = {nowhere.data(), nowhere.size()};
    wanted = 1;
  }
  for (std::size_t i = 0; i < wanted; ++i) {
    msghdr& header = messages[i].msg_hdr;
    header.msg_iov = &vectors[i];
    header.msg_iovlen = 1;
    header.msg_control = ancillary[i].bytes.data();
    header.msg_controllen = ancillary[i].bytes.size();
  }

  int received = recvmmsg(descriptor_, messages.data(), static_cast<unsigned>(wanted), MSG_DONTWAIT, nullptr);
  std::size_t arrived = received > 0 ? static_cast<std::size_t>(received) : 0;
  const TimePoint now = read_clock(), behind = read_clock(CLOCK_REALTIME) - now;
  for (std::size_t i = 0; i < arrived; ++i) {
    if (taken == 0 || (messages[i].msg_hdr.msg_flags & MSG_TRUNC) != 0) {
      statistics.count_drop(taken == 0 ? Drop::kPool : Drop::kOversize);
      if (taken != 0) pool.release(buffers[i]);
      continue;
    }
    std::uint8_t* buffer = pool.bytes(buffers[i]).data();
    const std::uint32_t length = messages[i].msg_len;
    const Notes notes = read_notes(messages[i].msg_hdr);
    const unsigned status = notes.auxdata ? notes.auxdata->tp_status : 0;
    if ((status & TP_STATUS_CSUMNOTREADY) != 0) ++statistics.checksum_unfinished;
    // Someone may have set the clock back or forth: no frame came before the last, or comes from the future.
    last_arrival_ = std::clamp(notes.arrival ? *notes.arrival - behind : now, std::min(last_arrival_, now), now);
    const bool tagged = (status & TP_STATUS_VLAN_VALID) != 0 && length >= kMacBytes;
    frames[count++] = {tagged ? HeldFrame{buffers[i], put_tag_back(buffer, length, *notes.auxdata), 0}
                              : HeldFrame{buffers[i], length, kTagBytes},
                       last_arrival_};
  }
  for (std::size_t i = arrived; i < taken; ++i) pool.release(buffers[i]);
  return arrived == wanted;
}

void PacketSocket::send(FramePool& pool, Statistics& statistics, std::span<const HeldFrame> frames) {
  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> vectors;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    vectors[i] = {pool.bytes(frames[i].index).data() + frames[i].offset, frames[i].length};
    messages[i].msg_hdr.msg_iov = &vectors[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  std::size_t sent = 0;
  while (sent < frames.size()) {
    int result =
        sendmmsg(descriptor_, messages.data() + sent, static_cast<unsigned>(frames.size() - sent), MSG_DONTWAIT);
    if (result > 0) {
      sent += static_cast<std::size_t>(result);
      continue;
    }
    if (result < 0 && errno == EINTR) continue;
    // The first of the rest was refused (interface down, buffers full): it is lost, the others still get
    // their chance.
    statistics.count_drop(Drop::kTransmit);
    --statistics.frames;
    statistics.bytes -= frames[sent].length;
    ++sent;
  }
}

void PacketSocket::collect_kernel_drops(Statistics& statistics) {
  tpacket_stats kernel{};
  socklen_t size = sizeof(kernel);
  // Reading resets the kernel's count, so this adds up.
  if (getsockopt(descriptor_, SOL_PACKET, PACKET_STATISTICS, &kernel, &size) == 0) {
    statistics.count_drop(Drop::kReceive, kernel.tp_drops);
  }
}

}  // namespace tributary::link
