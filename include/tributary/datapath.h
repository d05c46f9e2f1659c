// The loop, the devices, the clock and the randomness tributaryd uses, for programs that embed the stack and have none
// of their own. examples/echo.cc is a whole one.
//
//   Eal            DPDK, from a list of devices  Port         one of them, with the offloads it has
//   Worker         one polling core: brings frames and time to a Stack, takes frames away
//
// Nothing here is thread-safe but Worker::stop and Worker::mailbox.
#pragma once

#include "datapath/clock.h"
#include "datapath/device.h"
#include "datapath/eal.h"
#include "datapath/os_random.h"
#include "datapath/port.h"
#include "datapath/worker.h"
