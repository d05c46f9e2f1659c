#include "bench/relay/ring_port.h"

#include <cstdio>
#include <stdexcept>

namespace tributary::bench {
namespace {

rte_ring* create_ring(uint32_t size) {
  static unsigned number = 0;
  char name[RTE_RING_NAMESIZE];
  std::snprintf(name, sizeof name, "bench%u", number++);
  rte_ring* ring = rte_ring_create(name, size, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
  if (ring == nullptr) throw std::runtime_error("no memory for a ring");
  return ring;
}

}  // namespace

RingPort::RingPort(uint32_t size) : received_(create_ring(size)), sending_(create_ring(size)) {}

RingPort::~RingPort() {
  rte_mbuf* frames[kBurst];
  while (const unsigned n = receive(frames)) rte_pktmbuf_free_bulk(frames, n);
  while (const unsigned n = take(frames)) rte_pktmbuf_free_bulk(frames, n);
  for (rte_mbuf* frame : sent_) rte_pktmbuf_free(frame);
  rte_ring_free(received_);
  rte_ring_free(sending_);
}

void RingPort::drop(std::span<rte_mbuf*> frames) {
  dropped_ += frames.size();
  for (rte_mbuf* frame : frames) rte_pktmbuf_free(frame);
}

}  // namespace tributary::bench
