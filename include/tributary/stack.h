// Embedding the protocol engine in a program of your own. It is sans-I/O: you own the loop, the devices, the clock and
// the randomness; a Stack takes frames and time and gives back frames and events:
//
//   Stack::receive(port, burst, now)*  ->  advance_timers(now)  ->  dispatch(now)  ->  send what FrameQueues holds
//
//   PacketPools    the buffers; payload moves between streams as Packets, never copied
//   IpLayer        interfaces, addresses, routes, neighbours
//   Stack          TCP and MPTCP: add_listener, connect, read, write, release, close
//   Acceptor       decides about each SYN        StreamUser   hears what has happened to its streams
//   ByteStream     names a connection, TCP or MPTCP; every call on one that is gone does nothing
//
// One Stack belongs to one thread. Whoever has no loop yet takes the one tributaryd runs on: tributary/datapath.h.
#pragma once

#include "stack/base/counters.h"
#include "stack/base/random.h"
#include "stack/byte_stream.h"
#include "stack/ip/ip_layer.h"
#include "stack/listener.h"
#include "stack/packet/frame_queue.h"
#include "stack/packet/packet.h"
#include "stack/packet/packet_list.h"
#include "stack/right_sizing.h"
#include "stack/settings.h"
#include "stack/stack.h"
