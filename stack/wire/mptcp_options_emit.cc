// Writing of the MPTCP option. Each subtype has its size, a multiple of four with padding, and its mirror
// image.
#include <cassert>
#include <cstring>

#include "stack/wire/byte_order.h"
#include "stack/wire/mptcp_options.h"

namespace tributary::wire {

namespace {

constexpr uint8_t kKind = 30;
constexpr uint8_t kNop = 1;

constexpr size_t pad(size_t size) {
  return (size + 3) & ~size_t{3};
}

/// Kind, length, subtype with its low nibble, and the fourth byte.
void store_start(uint8_t* p, size_t size, uint8_t subtype, uint8_t low_nibble, uint8_t fourth) {
  store32(p, uint32_t{kKind} << 24 | static_cast<uint32_t>(size) << 16 | uint32_t{subtype} << 12 |
                 uint32_t{low_nibble} << 8 | fourth);
}

size_t size_of(const Dss& dss) {
  size_t size = 4;
  if (dss.has_data_ack) size += dss.data_ack_64 ? 8 : 4;
  if (dss.has_mapping) size += (dss.dsn_64 ? 14 : 10) + (dss.has_checksum ? 2 : 0);
  return size;
}

uint8_t* write(const Dss& dss, uint8_t* p) {
  uint8_t flags = 0;
  if (dss.has_data_ack) flags |= dss.data_ack_64 ? 0x03 : 0x01;
  if (dss.has_mapping) flags |= (dss.dsn_64 ? 0x0c : 0x04) | (dss.data_fin ? 0x10 : 0);
  store_start(p, size_of(dss), 2, 0, flags);
  p += 4;
  if (dss.has_data_ack && dss.data_ack_64) {
    store64(p, dss.data_ack);
    p += 8;
  } else if (dss.has_data_ack) {
    store32(p, static_cast<uint32_t>(dss.data_ack));
    p += 4;
  }
  if (!dss.has_mapping) return p;
  if (dss.dsn_64) {
    store64(p, dss.dsn);
    p += 8;
  } else {
    store32(p, static_cast<uint32_t>(dss.dsn));
    p += 4;
  }
  store32(p, dss.subflow_seq);
  const uint16_t last = dss.has_checksum ? dss.checksum : uint16_t{kNop << 8 | kNop};
  store32(p + 4, uint32_t{dss.data_length} << 16 | last);
  return p + 8;
}

size_t size_of(const MpCapable& capable) {
  if (capable.keys < 2) return capable.keys == 0 ? 4 : 12;
  if (!capable.has_data_length) return 20;
  return capable.has_checksum ? 24 : 22;
}

uint8_t* write(const MpCapable& capable, uint8_t* p) {
  const uint8_t flags = (capable.checksum_required ? 0x80 : 0) | (capable.extensibility ? 0x40 : 0) |
                        (capable.no_join_to_source ? 0x20 : 0) | (capable.algorithms & 0x1f);
  store_start(p, size_of(capable), 0, capable.version & 0x0f, flags);
  p += 4;
  if (capable.keys == 0) return p;
  store64(p, capable.sender_key.value);
  p += 8;
  if (capable.keys == 1) return p;
  store64(p, capable.receiver_key.value);
  p += 8;
  if (!capable.has_data_length) return p;
  const uint16_t last = capable.has_checksum ? capable.checksum : uint16_t{kNop << 8 | kNop};
  store32(p, uint32_t{capable.data_length} << 16 | last);
  return p + 4;
}

size_t size_of(const MpJoin& join) {
  switch (join.form) {
    case JoinForm::kSyn:
      return 12;
    case JoinForm::kSynAck:
      return 16;
    case JoinForm::kAck:
      break;
  }
  return 24;
}

uint8_t* write(const MpJoin& join, uint8_t* p) {
  const bool has_id = join.form != JoinForm::kAck;
  store_start(p, size_of(join), 1, has_id && join.backup, has_id ? join.address_id.value : 0);
  p += 4;
  if (join.form == JoinForm::kSyn) {
    store32(p, join.receiver_token.value);
    p += 4;
  } else {
    const size_t size = join.form == JoinForm::kSynAck ? 8 : 20;
    std::memcpy(p, join.hmac.data(), size);
    p += size;
  }
  if (!has_id) return p;
  store32(p, join.nonce);
  return p + 4;
}

size_t size_of(const AddAddr& add) {
  return 4 + (add.address.is_v4() ? 4u : 16u) + (add.has_port ? 2u : 0u) + (add.echo ? 0u : 8u);
}

uint8_t* write(const AddAddr& add, uint8_t* p) {
  const size_t size = size_of(add);
  store_start(p, size, 3, add.echo, add.address_id.value);
  uint8_t* const end = p + pad(size);
  p += 4;
  if (add.address.is_v4()) {
    store32(p, add.address.v4_value());
    p += 4;
  } else {
    std::memcpy(p, add.address.bytes().data(), 16);
    p += 16;
  }
  if (add.has_port) {
    store16(p, add.port);
    p += 2;
  }
  if (!add.echo) {
    store64(p, add.hmac);
    p += 8;
  }
  if (p != end) store16(p, kNop << 8 | kNop);
  return end;
}

size_t size_of(const MpFastclose&) {
  return 12;
}

uint8_t* write(const MpFastclose& fastclose, uint8_t* p) {
  store_start(p, 12, 7, 0, 0);
  store64(p + 4, fastclose.receiver_key.value);
  return p + 12;
}

size_t size_of(const MpFail&) {
  return 12;
}

uint8_t* write(const MpFail& fail, uint8_t* p) {
  store_start(p, 12, 6, 0, 0);
  store64(p + 4, fail.dsn.raw());
  return p + 12;
}

size_t size_of(const MpTcprst&) {
  return 4;
}

uint8_t* write(const MpTcprst& rst, uint8_t* p) {
  store_start(p, 4, 8, rst.transient, rst.reason);
  return p + 4;
}

size_t size_of(const MpPrio&) {
  return 3;
}

uint8_t* write(const MpPrio& prio, uint8_t* p) {
  store_start(p, 3, 5, prio.backup, kNop);
  return p + 4;
}

size_t size_of(const RemoveAddr& remove) {
  return 3u + remove.count;
}

uint8_t* write(const RemoveAddr& remove, uint8_t* p) {
  assert(remove.count >= 1 && remove.count <= remove.address_ids.size());
  const size_t size = size_of(remove);
  store_start(p, size, 4, 0, remove.address_ids[0].value);
  for (size_t i = 4; i < pad(size); ++i) p[i] = i < size ? remove.address_ids[i - 3].value : kNop;
  return p + pad(size);
}

/// Calls `f` with each option present, in the order of Linux: what stands alone first, then what is added to
/// it.
template <typename F>
void for_each_present(const MptcpOptions& options, F&& f) {
  using O = MptcpOptions;
  if (options.has(O::kDss)) f(options.dss);
  if (options.has(O::kCapable)) f(options.capable);
  if (options.has(O::kJoin)) f(options.join);
  if (options.has(O::kAddAddr)) f(options.add_addr);
  if (options.has(O::kFastclose)) f(options.fastclose);
  if (options.has(O::kFail)) f(options.fail);
  if (options.has(O::kTcprst)) f(options.tcprst);
  if (options.has(O::kPrio)) f(options.prio);
  if (options.has(O::kRemoveAddr)) f(options.remove_addr);
}

}  // namespace

size_t mptcp_options_size(const MptcpOptions& options) {
  if (options.present == MptcpOptions::kDss) return pad(size_of(options.dss));
  size_t size = 0;
  for_each_present(options, [&](const auto& option) { size += pad(size_of(option)); });
  return size;
}

size_t emit_mptcp_options(const MptcpOptions& options, std::span<uint8_t> out) {
  assert(out.size() >= mptcp_options_size(options));
  uint8_t* p = out.data();
  if (options.present == MptcpOptions::kDss) return static_cast<size_t>(write(options.dss, p) - p);
  for_each_present(options, [&](const auto& option) { p = write(option, p); });
  return static_cast<size_t>(p - out.data());
}

}  // namespace tributary::wire
