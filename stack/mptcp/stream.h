// An MPTCP connection as a ByteStream (design D8): reading, writing, and the events its user is told.
#pragma once

#include "stack/context.h"
#include "stack/packet/packet_list.h"

namespace tributary::mptcp {

void report(Context& context, Connection& connection, uint16_t events);
PacketList read(Connection& connection, uint32_t max_bytes);
/// Gives back receive budget; sends window updates when the edge has moved far enough.
void release(Context& context, Connection& connection, uint32_t bytes);
void write(Context& context, Connection& connection, PacketList packets);
void close(Context& context, Connection& connection);
uint32_t unacked(const Connection& connection);

}  // namespace tributary::mptcp
