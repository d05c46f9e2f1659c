// MPTCP options (RFC 8684 §3). Keys and addresses go by name: the first use of a name outbound learns its
// value.
#include <algorithm>

#include "src/script/encode.h"
#include "src/script/outcome.h"
#include "stack/mptcp/crypto.h"
#include "stack/wire/checksum.h"

namespace tributary::script {
namespace {

constexpr uint8_t kMptcp = 30;
enum Subtype : uint8_t {
  kCapable = 0,
  kJoin = 1,
  kDss = 2,
  kAddAddress = 3,
  kRemoveAddress = 4,
  kPriority = 5,
  kFail = 6,
  kFastclose = 7,
  kReset = 8,
};
using Live = wire::MptcpOptions;

struct Put {
  EncodeContext& c;
  Bytes& out;

  const Live* live(Live::Bit bit) const {
    return c.live_options != nullptr && c.live_options->mptcp.has(bit) ? &c.live_options->mptcp : nullptr;
  }
  void head(unsigned size, Subtype subtype, unsigned low) const {
    put8(out, kMptcp);
    put8(out, size);
    put8(out, static_cast<unsigned>(subtype << 4) | low);
  }
  Key sender() const { return need(c.inbound ? c.names.peer_key : c.names.stack_key); }
  Key receiver() const { return need(c.inbound ? c.names.stack_key : c.names.peer_key); }
  static Key need(const std::optional<Key>& key) {
    if (!key) fail("this option needs keys, and no MP_CAPABLE has told them");
    return *key;
  }
  uint64_t key(const std::string& name) const {
    const auto found = c.names.keys.find(name);
    if (found == c.names.keys.end()) fail("no key is named \"" + name + "\" yet");
    return found->second;
  }

  uint64_t capable_key(const KeySpec& spec, bool first) const {
    const Live* packet = live(Live::kCapable);
    uint64_t& value = c.names.keys.try_emplace(spec.name, 0).first->second;
    if (spec.value)
      value = *spec.value;
    else if (value == 0 && packet != nullptr)
      value = first ? packet->capable.sender_key.value : packet->capable.receiver_key.value;
    else if (value == 0)
      value = 0x7ea1'0000'0000'0000u + c.names.keys.size();
    if (!first) return value;
    std::optional<Key>& own = c.inbound ? c.names.peer_key : c.names.stack_key;
    if (!own || !is_other_side(value)) own = Key{value};
    return value;
  }
  /// A packet that repeats the keys the wrong way round must not exchange the roles.
  bool is_other_side(uint64_t value) const {
    const std::optional<Key>& other = c.inbound ? c.names.stack_key : c.names.peer_key;
    return other && other->value == value;
  }

  void operator()(const CapableOption& o) const {
    const unsigned data = o.data_length ? (o.checksum ? 4 : 2) : 0;
    head(static_cast<unsigned>(4 + 8 * o.keys.size()) + data, kCapable, o.version);
    put8(out, o.flags);
    for (size_t i = 0; i < o.keys.size(); ++i) put64(out, capable_key(o.keys[i], i == 0));
    if (!o.data_length) return;
    put16(out, *o.data_length);
    if (c.inbound) c.names.next_peer_dsn = std::max<uint64_t>(c.names.next_peer_dsn, 1 + *o.data_length);
    if (o.checksum) put16(out, o.checksum_value ? *o.checksum_value : checksum(1, 1, *o.data_length, false));
  }

  uint8_t join_id(const std::optional<uint8_t>& id) const {
    if (id) return *id;
    const Live* packet = live(Live::kJoin);
    if (!c.inbound) return packet != nullptr ? packet->join.address_id.value : uint8_t{0};
    return c.names.id_of(c.flow.remote.address);
  }
  uint32_t join_nonce(const std::optional<uint32_t>& nonce) const {
    std::optional<uint32_t>& own = c.inbound ? c.flow.peer_nonce : c.flow.stack_nonce;
    const Live* packet = live(Live::kJoin);
    if (nonce)
      own = *nonce;
    else if (packet != nullptr)
      own = packet->join.nonce;
    else if (!own)
      own = c.names.next_nonce++;
    return *own;
  }
  void hmac(const HmacSpec& spec, size_t size) const {
    Bytes bytes(size);
    if (spec.literal) {
      for (size_t i = 0; i < 8; ++i) bytes[i] = static_cast<uint8_t>(*spec.literal >> (56 - 8 * i));
    } else {
      const Key own = spec.automatic ? sender() : Key{key(spec.first)};
      const Key peer = spec.automatic ? receiver() : Key{key(spec.second)};
      const uint32_t stack = c.flow.stack_nonce.value_or(0), other = c.flow.peer_nonce.value_or(0);
      const auto digest = mptcp::join_hmac(own, peer, c.inbound ? other : stack, c.inbound ? stack : other);
      std::copy_n(digest.begin(), size, bytes.begin());
    }
    out.insert(out.end(), bytes.begin(), bytes.end());
  }

  void operator()(const JoinSynOption& o) const {
    head(12, kJoin, o.backup);
    put8(out, join_id(o.address_id));
    const uint32_t token = o.token               ? *o.token
                           : o.token_key.empty() ? mptcp::digest_key(receiver()).token.value
                                                 : mptcp::digest_key(Key{key(o.token_key)}).token.value;
    put32(out, token);
    put32(out, join_nonce(o.nonce));
  }
  void operator()(const JoinSynAckOption& o) const {
    head(16, kJoin, o.backup);
    put8(out, join_id(o.address_id));
    const uint32_t nonce = join_nonce(o.nonce);
    hmac(o.hmac, 8);
    put32(out, nonce);
  }
  void operator()(const JoinAckOption& o) const {
    head(24, kJoin, 0);
    put8(out, 0);
    hmac(o.hmac, 20);
  }

  // Data sequence numbers: DATA_ACKs count the other side's data.
  uint64_t base(const DataNumber& number, bool of_sender) const {
    if (number.raw_key) return mptcp::digest_key(Key{*number.raw_key}).idsn.raw();
    if (!number.key.empty()) return c.names.idsn_of(number.key);
    return of_sender == c.inbound ? c.names.peer_idsn() : c.names.stack_idsn();
  }
  void put_number(bool wide, uint64_t value) const {
    if (wide)
      put64(out, value);
    else
      put32(out, static_cast<uint32_t>(value));
  }
  uint64_t ack_value(const DataNumber& ack) const {
    const Live* packet = live(Live::kDss);
    if (ack.value) return base(ack, false) + *ack.value;
    if (!c.inbound) return packet != nullptr ? packet->dss.data_ack : 0;
    return base(ack, false) + c.names.next_stack_dsn;
  }
  uint64_t dsn_value(const DataNumber& dsn) const {
    const Live* packet = live(Live::kDss);
    if (dsn.value) return base(dsn, true) + *dsn.value;
    if (!c.inbound) return packet != nullptr ? packet->dss.dsn : 0;
    return base(dsn, true) + c.names.next_peer_dsn;
  }

  /// Over the pseudo-header and the data the mapping covers.
  uint16_t checksum(uint64_t relative_dsn, uint32_t ssn, uint16_t length, bool fin) const {
    const uint64_t idsn = c.inbound ? c.names.peer_idsn() : c.names.stack_idsn();
    const size_t size = length - (fin && length != 0 ? 1u : 0u);
    Bytes data;
    if (c.live != nullptr && c.live->body.size() == size)
      data = c.live->body;
    else if (c.spec.payload && c.spec.payload->size() == size)
      data.assign(c.spec.payload->begin(), c.spec.payload->end());
    else
      data = make_pattern(relative_dsn - 1, size);
    return static_cast<uint16_t>(
        ~wire::add(wire::dss_pseudo_header_sum(idsn + relative_dsn, ssn, length), wire::sum_bytes(data)));
  }

  void operator()(const DssOption& o) const {
    const Live* packet = live(Live::kDss);
    const unsigned flags = (o.fin ? 0x10u : 0) | (o.dsn && o.dsn->wide ? 0x08u : 0) | (o.dsn ? 0x04u : 0) |
                           (o.ack && o.ack->wide ? 0x02u : 0) | (o.ack ? 0x01u : 0);
    const unsigned size =
        4 + (o.ack ? (o.ack->wide ? 8u : 4u) : 0) + (o.dsn ? (o.dsn->wide ? 8u : 4u) + 6 + (o.checksum ? 2u : 0) : 0);
    head(size, kDss, 0);
    put8(out, flags);
    if (o.ack) put_number(o.ack->wide, ack_value(*o.ack));
    if (!o.dsn) return;
    const uint64_t dsn = dsn_value(*o.dsn);
    const uint32_t own_seq =
        (c.inbound ? c.flow.remote_seq : c.flow.local_seq).relative(c.spec.seq, c.spec.flags & wire::tcp_flag::kSyn);
    const uint32_t ssn = o.subflow_seq              ? *o.subflow_seq
                         : packet != nullptr        ? packet->dss.subflow_seq
                         : c.spec.payload_size == 0 ? 0
                                                    : own_seq;
    const uint16_t length = o.length            ? *o.length
                            : packet != nullptr ? packet->dss.data_length
                                                : static_cast<uint16_t>(c.spec.payload_size + o.fin);
    put_number(o.dsn->wide, dsn);
    put32(out, ssn);
    put16(out, length);
    const uint64_t relative = dsn - (c.inbound ? c.names.peer_idsn() : c.names.stack_idsn());
    if (o.checksum) put16(out, o.checksum_value ? *o.checksum_value : checksum(relative, ssn, length, o.fin));
    if (!c.inbound) return;
    c.flow.inbound_data_shift = static_cast<int64_t>(relative) - ssn;
    c.names.next_peer_dsn = std::max(c.names.next_peer_dsn, relative + length);
  }

  IpAddress address(const AddressSpec& spec) const {
    const Live* packet = live(Live::kAddAddr);
    if (spec.value) c.names.addresses[spec.name] = *spec.value;
    const auto found = c.names.addresses.find(spec.name);
    if (found != c.names.addresses.end()) return found->second;
    if (packet == nullptr) fail("no address is named \"" + spec.name + "\" yet");
    return c.names.addresses[spec.name] = packet->add_addr.address;
  }
  void operator()(const AddAddressOption& o) const {
    const Live* packet = live(Live::kAddAddr);
    const IpAddress where = address(o.address);
    const uint8_t id = o.address_id        ? *o.address_id
                       : packet != nullptr ? packet->add_addr.address_id.value
                                           : c.names.id_of(where);
    c.names.address_ids[where] = id;
    const unsigned size = 4 + (where.is_v4() ? 4u : 16u) + (o.port ? 2u : 0) + (o.echo ? 0 : 8u);
    head(size, kAddAddress, o.echo ? 1 : 0);
    put8(out, id);
    const auto& bytes = where.bytes();
    out.insert(out.end(), bytes.begin() + (where.is_v4() ? 12 : 0), bytes.end());
    if (o.port) put16(out, *o.port);
    if (o.echo) return;
    put64(out, o.hmac ? *o.hmac : mptcp::add_addr_hmac(sender(), receiver(), AddressId{id}, where, o.port.value_or(0)));
  }
  void operator()(const RemoveAddressOption& o) const {
    head(static_cast<unsigned>(3 + o.ids.size()), kRemoveAddress, 0);
    out.insert(out.end(), o.ids.begin(), o.ids.end());
  }
  void operator()(const PriorityOption& o) const {
    head(o.address_id ? 4 : 3, kPriority, o.backup);
    if (o.address_id) put8(out, *o.address_id);
  }
  void operator()(const FailOption& o) const {
    const Live* packet = live(Live::kFail);
    head(12, kFail, 0);
    put8(out, 0);
    if (o.dsn && o.dsn->value)
      put64(out, base(*o.dsn, false) + *o.dsn->value);
    else
      put64(out, packet != nullptr ? packet->fail.dsn.raw() : c.names.stack_idsn() + 1);
  }
  void operator()(const FastcloseOption& o) const {
    head(12, kFastclose, 0);
    put8(out, 0);
    if (o.value) c.names.keys[o.key] = *o.value;
    put64(out, o.key.empty() ? receiver().value : key(o.key));
  }
  void operator()(const ResetOption& o) const {
    head(4, kReset, o.transient);
    put8(out, o.reason);
  }
  template <typename Other>
  void operator()(const Other&) const {}
};

}  // namespace

bool encode_mptcp_option(EncodeContext& context, const OptionSpec& option, Bytes& out) {
  const size_t before = out.size();
  std::visit(Put{context, out}, option);
  return out.size() != before;
}

}  // namespace tributary::script
