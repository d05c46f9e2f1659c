#include "src/script/describe.h"

#include <cstdio>
#include <cstdlib>

#include "stack/wire/byte_order.h"

namespace tributary::script {
namespace {

using wire::load16;
using wire::load32;
using wire::load64;

std::string hex(std::span<const uint8_t> bytes) {
  std::string out;
  for (uint8_t byte : bytes) {
    char text[3];
    std::snprintf(text, sizeof text, "%02x", byte);
    out += text;
  }
  return out;
}
std::string number(uint64_t value) {
  return std::to_string(value);
}

/// One option area being described.
struct Describer {
  const Flow* flow;
  const MptcpNames& names;
  bool from_stack;

  uint32_t sequence(const SequenceMap* map, uint32_t live, bool syn = false) const {
    return map != nullptr && map->known ? map->to_script(live, syn) : live;
  }
  const SequenceMap* other_side() const {
    return flow == nullptr ? nullptr : from_stack ? &flow->remote_seq : &flow->local_seq;
  }
  uint64_t own_idsn() const { return from_stack ? names.stack_idsn() : names.peer_idsn(); }
  uint64_t other_idsn() const { return from_stack ? names.peer_idsn() : names.stack_idsn(); }

  std::string key(uint64_t value) const {
    for (const auto& [name, known] : names.keys)
      if (known == value) return name;
    return number(value);
  }

  std::string timestamp(std::span<const uint8_t> o) const {
    uint32_t value = load32(&o[2]), echo = load32(&o[6]);
    if (flow != nullptr && from_stack) {
      const auto& first = flow->first_timestamp;
      if (first) value = value - first->second + first->first;
    }
    return "TS val " + number(value) + " ecr " + number(echo);
  }
  std::string sack(std::span<const uint8_t> o) const {
    std::string out = "sack";
    for (size_t i = 2; i + 8 <= o.size(); i += 8)
      out +=
          " " + number(sequence(other_side(), load32(&o[i]))) + ":" + number(sequence(other_side(), load32(&o[i + 4])));
    return out;
  }

  std::string capable(std::span<const uint8_t> o) const {
    std::string out = "mpcapable v" + number(o[2] & 0xf) + " flags[";
    std::string flags;
    for (int i = 0; i < 8 && o.size() >= 4; ++i)
      if (o[3] & (0x80 >> i)) flags += (flags.empty() ? "" : ", ") + std::string("flag_") + static_cast<char>('a' + i);
    out += (flags.empty() ? "no_flags" : flags) + "]";
    if (o.size() < 12) return out + " nokey";
    out += " key[" + key(load64(&o[4]));
    if (o.size() >= 20) out += ", " + key(load64(&o[12]));
    out += "]";
    if (o.size() >= 22) out += " mpcdatalen " + number(load16(&o[20]));
    if (o.size() >= 24) out += " cksum=" + number(load16(&o[22]));
    return out;
  }
  std::string join(std::span<const uint8_t> o) const {
    const std::string head = " backup=" + number(o[2] & 1) + " address_id=" + (o.size() > 3 ? number(o[3]) : "?");
    if (o.size() == 12)
      return "mp_join_syn" + head + " token=" + number(load32(&o[4])) + " rand=" + number(load32(&o[8]));
    if (o.size() == 16)
      return "mp_join_syn_ack" + head + " sender_hmac=0x" + hex(o.subspan(4, 8)) + " rand=" + number(load32(&o[12]));
    return "mp_join_ack sender_hmac=0x" + hex(o.subspan(4));
  }
  std::string dss(std::span<const uint8_t> o) const {
    if (o.size() < 4) return "dss";
    const uint8_t flags = o[3];
    std::string out = "dss";
    size_t at = 4;
    const auto take = [&](bool wide) {
      const size_t size = wide ? 8 : 4;
      if (at + size > o.size()) return uint64_t{0};
      const uint64_t value = wide ? load64(&o[at]) : load32(&o[at]);
      at += size;
      return value;
    };
    const auto relative = [](uint64_t value, uint64_t idsn, bool wide) {
      return wide ? static_cast<int64_t>(value - idsn)
                  : static_cast<int32_t>(static_cast<uint32_t>(value) - static_cast<uint32_t>(idsn));
    };
    if (flags & 0x01) {
      const bool wide = flags & 0x02;
      out += (wide ? " dack8=" : " dack4=") + std::to_string(relative(take(wide), other_idsn(), wide));
    }
    if (!(flags & 0x04)) return out + (flags & 0x10 ? " fin" : "");
    const bool wide = flags & 0x08;
    out += (wide ? " dsn8=" : " dsn4=") + std::to_string(relative(take(wide), own_idsn(), wide));
    out += " ssn=" + number(take(false));
    if (at + 2 <= o.size()) out += " dll=" + number(load16(&o[at]));
    at += 2;
    out += at + 2 <= o.size() ? " cksum=" + number(load16(&o[at])) : " nocs";
    return out + (flags & 0x10 ? " fin" : "");
  }
  std::string add_address(std::span<const uint8_t> o) const {
    const bool echo = o[2] & 1;
    const size_t rest = o.size() - (echo ? 0 : 8);
    const bool v4 = rest == 8 || rest == 10;
    const size_t size = v4 ? 4 : 16;
    if (o.size() < 4 + size) return "raw 30 " + hex(o.subspan(2));
    const IpAddress address = v4 ? IpAddress::from_v4_bytes(&o[4]) : IpAddress::from_v6_bytes(&o[4]);
    std::string out = "add_address address_id=" + number(o[3]) + " addr[" + address.to_string() + "]";
    if (rest == 4 + size + 2) out += " port=" + number(load16(&o[4 + size]));
    return out + (echo ? " addr_echo" : " hmac=0x" + hex(o.last(8)));
  }
  std::string mptcp(std::span<const uint8_t> o) const {
    switch (o[2] >> 4) {
      case 0:
        return capable(o);
      case 1:
        return join(o);
      case 2:
        return dss(o);
      case 3:
        return add_address(o);
      case 4: {
        std::string ids;
        for (uint8_t id : o.subspan(3)) ids += (ids.empty() ? "" : ",") + number(id);
        return "remove_address address_id=[" + ids + "]";
      }
      case 5:
        return "mp_prio backup=" + number(o[2] & 1) + (o.size() > 3 ? " address_id=" + number(o[3]) : "");
      case 6:
        if (o.size() < 12) break;
        return "mp_fail dsn8=" + std::to_string(static_cast<int64_t>(load64(&o[4]) - other_idsn()));
      case 7:
        if (o.size() < 12) break;
        return "mp_fastclose " + key(load64(&o[4]));
      case 8:
        if (o.size() < 4) break;
        return "mp_reset " + number(o[3]) + (o[2] & 1 ? " flags[flag_t]" : "");
      default:
        break;
    }
    return "raw 30 " + hex(o.subspan(2));
  }

  std::string option(std::span<const uint8_t> o) const {
    const uint8_t kind = o[0];
    if (kind == 2 && o.size() == 4) return "mss " + number(load16(&o[2]));
    if (kind == 3 && o.size() == 3) return "wscale " + number(o[2]);
    if (kind == 4 && o.size() == 2) return "sackOK";
    if (kind == 5) return sack(o);
    if (kind == 8 && o.size() == 10) return timestamp(o);
    if (kind == 28 && o.size() == 4) return "uto " + number(load16(&o[2]));
    if (kind == 34) return "FO " + hex(o.subspan(2));
    if (kind == 254 && o.size() >= 4 && load16(&o[2]) == 0xf989) return "FOEXP " + hex(o.subspan(4));
    if (kind == 30 && o.size() >= 3) return mptcp(o);
    return "raw " + number(kind) + " " + hex(o.subspan(2));
  }
};

}  // namespace

std::string describe_options(std::span<const uint8_t> area, const Flow* flow, const MptcpNames& names,
                             bool from_stack) {
  const Describer describer{flow, names, from_stack};
  std::string out;
  for (size_t at = 0; at < area.size();) {
    if (!out.empty()) out += ", ";
    if (area[at] <= 1) {
      out += area[at] == 0 ? "eol" : "nop";
      ++at;
      continue;
    }
    const size_t size = at + 1 < area.size() ? area[at + 1] : 0;
    if (size < 2 || at + size > area.size()) return out + "(malformed " + hex(area.subspan(at)) + ")";
    out += describer.option(area.subspan(at, size));
    at += size;
  }
  return out;
}

std::string describe_flags(uint16_t flags) {
  using namespace wire::tcp_flag;
  std::string out;
  const std::pair<uint16_t, char> letters[] = {{kFin, 'F'}, {kSyn, 'S'}, {kRst, 'R'}, {kPsh, 'P'},
                                               {kUrg, 'U'}, {kEce, 'E'}, {kCwr, 'W'}, {kAe, 'A'}};
  for (const auto& [bit, letter] : letters)
    if (flags & bit) out += letter;
  if (flags & kAck) out += '.';
  return out.empty() ? "-" : out;
}

std::string describe_time(Micros time) {
  char text[32];
  const int64_t us = std::llabs(time.count());
  std::snprintf(text, sizeof text, "%s%lld.%06lld", time.count() < 0 ? "-" : "", static_cast<long long>(us / 1'000'000),
                static_cast<long long>(us % 1'000'000));
  return text;
}

std::string describe(const LivePacket& packet, const Flow* flow, const MptcpNames& names) {
  const std::string route = packet.ip.source.to_string() + " > " + packet.ip.destination.to_string();
  if (packet.icmp) return "icmp " + route + " type " + number(packet.icmp->type) + " code " + number(packet.icmp->code);
  if (!packet.tcp) return "protocol " + number(packet.ip.protocol) + " " + route;
  const wire::TcpHeader& tcp = *packet.tcp;
  const Describer numbers{flow, names, true};
  const uint32_t seq =
      numbers.sequence(flow == nullptr ? nullptr : &flow->local_seq, tcp.seq.raw(), tcp.has(wire::tcp_flag::kSyn));
  std::string out;
  if (flow == nullptr)
    out += packet.ip.source.to_string() + ":" + number(tcp.source_port) + " > " + packet.ip.destination.to_string() +
           ":" + number(tcp.destination_port) + " ";
  out += describe_flags(tcp.flags) + " " + number(seq) + ":" + number(static_cast<uint32_t>(seq + packet.body.size())) +
         "(" + number(packet.body.size()) + ")";
  if (tcp.has(wire::tcp_flag::kAck))
    out += " ack " + number(numbers.sequence(numbers.other_side(), tcp.ack.raw(), tcp.has(wire::tcp_flag::kSyn)));
  out += " win " + number(tcp.window);
  if (tcp.urgent != 0) out += " urg " + number(tcp.urgent);
  if (!packet.options.empty()) out += " <" + describe_options(packet.options, flow, names, true) + ">";
  for (const std::string& defect : packet.defects) out += " (" + defect + ")";
  return out;
}

}  // namespace tributary::script
