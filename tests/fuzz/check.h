// What a fuzz target calls when a property does not hold: libFuzzer keeps the input of an aborted run.
#pragma once

#include <cstdio>
#include <cstdlib>

#define CHECK_PROPERTY(condition)                                                         \
  do {                                                                                    \
    if (!(condition)) {                                                                   \
      std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                       \
    }                                                                                     \
  } while (false)
