// How the scripts of the tests begin: a connection the stack has accepted, descriptor 4.
#pragma once

#include <string>

namespace tributary::script::test {

inline const std::string kOpen =
    "+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n"
    "+0 bind(3, ..., ...) = 0\n"
    "+0 listen(3, 1) = 0\n"
    "+0 < S 0:0(0) win 32792 <mss 1000, sackOK, nop, nop, nop, wscale 7>\n"
    "+0 > S. 0:0(0) ack 1 <mss 1460, nop, nop, sackOK, nop, wscale 7>\n"
    "+0.1 < . 1:1(0) ack 1 win 257\n"
    "+0 accept(3, ..., ...) = 4\n";
constexpr int kNext = 8;  ///< the line behind it

}  // namespace tributary::script::test
