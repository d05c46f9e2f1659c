#include "stack/tcp/payload.h"

namespace tributary::tcp {
namespace {

std::span<const uint8_t> bytes_of(rte_mbuf* m, uint16_t offset, uint16_t size) {
  return {static_cast<const uint8_t*>(m->buf_addr) + offset, size};
}

/// Sum of the first `front` bytes of the payload, reading the shorter side.
wire::Sum front_sum(rte_mbuf* m, uint16_t front) {
  const PacketInfo& info = info_of(m);
  const uint16_t back = static_cast<uint16_t>(info.payload_size - front);
  if (front <= back) return wire::sum_bytes(bytes_of(m, info.payload_offset, front));
  const wire::Sum rest = wire::sum_bytes(bytes_of(m, static_cast<uint16_t>(info.payload_offset + front), back));
  return wire::subtract(info.payload_sum, front & 1 ? wire::swap_bytes(rest) : rest);
}

wire::Sum back_sum(const PacketInfo& info, uint16_t front, wire::Sum sum_of_front) {
  const wire::Sum rest = wire::subtract(info.payload_sum, sum_of_front);
  return front & 1 ? wire::swap_bytes(rest) : rest;
}

}  // namespace

void trim_front(rte_mbuf* m, uint16_t size) {
  PacketInfo& info = info_of(m);
  info.payload_sum = back_sum(info, size, front_sum(m, size));
  info.payload_offset = static_cast<uint16_t>(info.payload_offset + size);
  info.payload_size = static_cast<uint16_t>(info.payload_size - size);
  info.seq += size;
}

void trim_back(rte_mbuf* m, uint16_t size) {
  PacketInfo& info = info_of(m);
  const uint16_t front = static_cast<uint16_t>(info.payload_size - size);
  info.payload_sum = front_sum(m, front);
  info.payload_size = front;
}

rte_mbuf* split_off(Context& context, rte_mbuf* m, uint16_t size) {
  PacketInfo& info = info_of(m);
  Packet whole(m);
  Packet rest = context.pools.reference(whole, size, static_cast<uint16_t>(info.payload_size - size));
  whole.release();
  if (!rest) return nullptr;
  PacketInfo& tail = rest.info();
  tail.seq = info.seq + size;
  tail.dsn = info.dsn + size;
  tail.owner = info.owner;
  tail.flags = info.flags;
  tail.sent_at = info.sent_at;
  tail.transmissions = info.transmissions;
  tail.since_first_send = info.since_first_send;
  tail.since_delivered = info.since_delivered;
  tail.tx_in_flight = info.tx_in_flight;
  tail.delivered = info.delivered;
  tail.lost = info.lost;
  trim_back(m, tail.payload_size);
  return rest.release();
}

}  // namespace tributary::tcp
