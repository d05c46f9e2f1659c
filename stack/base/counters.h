// Every counter of the stack, from one table that feeds telemetry, the command line and the docs.
// Names follow Linux where Linux counts the same thing (design D13): TcpExt and MPTcpExt are its prefixes, and none of
// ours. A worker owns its counters; readers sum.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tributary {

// X(identifier, published name, one sentence of help)
#define TRIBUTARY_COUNTERS(X)                                                                                        \
  X(rx_frames, "RxFrames", "Frames taken from ports.")                                                               \
  X(rx_bytes, "RxBytes", "Bytes of those frames.")                                                                   \
  X(tx_frames, "TxFrames", "Frames handed to ports.")                                                                \
  X(tx_bytes, "TxBytes", "Bytes of those frames.")                                                                   \
  X(tx_dropped, "TxDropped", "Frames a port did not take; non-zero means a transmit ring was full.")                 \
  X(drop_malformed, "DropMalformed", "Frames whose Ethernet, IP or TCP header was impossible.")                      \
  X(drop_ip_checksum, "DropIpChecksum", "IPv4 packets with a wrong header checksum.")                                \
  X(drop_vlan, "DropVlan", "Frames with a VLAN tag no interface has.")                                               \
  X(drop_not_for_us, "DropNotForUs", "Packets to an address that is neither ours nor intercepted.")                  \
  X(ip_reassembly_needed, "IpReasmReqds", "IP fragments received.")                                                  \
  X(ip_reassembled, "IpReasmOKs", "IP packets put together from fragments.")                                         \
  X(ip_reassembly_failed, "IpReasmFails",                                                                            \
    "IP fragments given up with their packet: overlapping, impossible, too large, or out of room.")                  \
  X(ip_reassembly_timeout, "IpReasmTimeout",                                                                         \
    "IP packets given up because fragments were still missing when their time was up.")                              \
  X(drop_protocol, "DropProtocol", "Packets of a protocol other than TCP, ICMP and ARP.")                            \
  X(drop_no_buffer, "DropNoBuffer", "Packets not sent because a buffer pool was used up.")                           \
  X(drop_no_route, "DropNoRoute", "Packets not sent because no route leads to their destination.")                   \
  X(drop_unresolved, "DropUnresolved",                                                                               \
    "Packets given up because their neighbour did not answer or its queue was full.")                                \
  X(arp_sent, "ArpSent", "ARP requests and neighbour solicitations sent.")                                           \
  X(arp_answered, "ArpAnswered", "ARP requests and neighbour solicitations answered.")                               \
  X(echo_answered, "EchoAnswered", "ICMP and ICMPv6 echo requests answered.")                                        \
  X(icmp_errors_received, "IcmpInErrors", "ICMP errors that named one of our segments.")                             \
  X(tcp_checksum_errors, "TcpInCsumErrors", "Segments with a wrong TCP checksum.")                                   \
  X(tcp_in_segments, "TcpInSegs", "Segments received.")                                                              \
  X(tcp_out_segments, "TcpOutSegs", "Segments sent.")                                                                \
  X(tcp_retransmitted, "TcpRetransSegs", "Segments sent again.")                                                     \
  X(tcp_active_opens, "TcpActiveOpens", "Connections we opened.")                                                    \
  X(tcp_passive_opens, "TcpPassiveOpens", "Connections opened to us.")                                               \
  X(tcp_attempt_fails, "TcpAttemptFails", "Opens that ended before they were established.")                          \
  X(tcp_estab_resets, "TcpEstabResets", "Established connections that ended with a reset.")                          \
  X(tcp_out_resets, "TcpOutRsts", "Resets sent.")                                                                    \
  X(tcp_timeouts, "TcpExtTCPTimeouts", "Retransmission timers that expired.")                                        \
  X(tcp_fast_retransmits, "TcpExtTCPFastRetrans", "Segments sent again in fast recovery.")                           \
  X(tcp_slow_start_retransmits, "TcpExtTCPSlowStartRetrans", "Segments sent again after a time-out.")                \
  X(tcp_lost_retransmissions, "TcpExtTCPLostRetransmit", "Segments sent again that were lost once more.")            \
  X(tcp_loss_probes, "TcpExtTCPLossProbes", "Tail loss probes sent.")                                                \
  X(tcp_sack_recoveries, "TcpExtTCPSackRecovery", "Times loss recovery began.")                                      \
  X(tcp_undone, "TcpExtTCPFullUndo", "Recoveries taken back because the originals had only been late.")              \
  X(tcp_spurious_timeouts, "TcpExtTCPSpuriousRTOs",                                                                  \
    "Those of them that a time-out had begun: originals arrived after it (RFC 5682).")                               \
  X(tcp_probe_recoveries, "TcpExtTCPLossProbeRecovery", "Losses that a tail loss probe repaired.")                   \
  X(tcp_ecn_echoes, "TcpEcnEchoes", "ACKs with ECE: the network marked what we sent (RFC 3168).")                    \
  X(tcp_keepalives, "TcpExtTCPKeepAlive", "Keepalive probes sent.")                                                  \
  X(tcp_paws_rejected, "TcpExtPAWSEstab", "Segments refused because their timestamp was old (RFC 7323 §5).")         \
  X(tcp_challenge_acks, "TcpExtTCPChallengeACK", "Challenge ACKs sent (RFC 5961).")                                  \
  X(tcp_challenges_skipped, "TcpExtTCPACKSkippedChallenge", "Challenge ACKs not sent: there had just been one.")     \
  X(tcp_answers_skipped, "TcpExtTCPACKSkippedSeq",                                                                   \
    "Segments outside the window, without payload, not answered: one just had been.")                                \
  X(tcp_paws_skipped, "TcpExtTCPACKSkippedPAWS", "Old timestamps without payload not answered: one just had been.")  \
  X(tcp_time_wait_skipped, "TcpExtTCPACKSkippedTimeWait", "The same in TIME-WAIT.")                                  \
  X(tcp_ofo_queued, "TcpExtTCPOFOQueue", "Segments queued out of order.")                                            \
  X(tcp_ofo_dropped, "TcpExtTCPOFODrop", "Out-of-order segments dropped because the queue was at its bound.")        \
  X(tcp_queue_steps, "TcpQueueSteps",                                                                                \
    "Packets of send and reorder queues passed over to find a place; many for each segment means an attack.")        \
  X(tcp_sack_discarded, "TcpExtTCPSACKDiscard", "SACK blocks ignored: impossible, or too far to look for.")          \
  X(tcp_sack_reneging, "TcpExtTCPSACKReneging",                                                                      \
    "Time-outs after which everything was sent again: the peer had dropped what it had SACKed.")                     \
  X(tcp_dsack_received, "TcpExtTCPDSACKRecv", "DSACKs from peers, of what they had acknowledged: we sent it twice.") \
  X(tcp_dsack_ofo_received, "TcpExtTCPDSACKOfoRecv", "DSACKs from peers, of what they had SACKed.")                  \
  X(tcp_dsack_old_sent, "TcpExtTCPDSACKOldSent", "Duplicates to report by DSACK, of what was acknowledged.")         \
  X(tcp_dsack_ofo_sent, "TcpExtTCPDSACKOfoSent", "Duplicates to report by DSACK, of what waited out of order.")      \
  X(tcp_abort_on_data, "TcpExtTCPAbortOnData", "Connections reset because data came when nobody read any more.")     \
  X(tcp_receive_queue_drop, "TcpExtTCPRcvQDrop",                                                                     \
    "Segments whose payload was not taken because the buffer pool was nearly used up.")                              \
  X(tcp_mtu_reduced, "TcpMtuReduced",                                                                                \
    "Connections that went on with smaller segments: a router said so, or a black hole.")                            \
  X(tcp_mtu_probes_delivered, "TcpExtTCPMTUPSuccess", "Larger segments than before that a path took.")               \
  X(tcp_mtu_probes_lost, "TcpExtTCPMTUPFail", "Larger segments than before that a path did not take.")               \
  X(tcp_window_probes, "TcpExtTCPWinProbe", "Zero-window probes sent.")                                              \
  X(tcp_time_waited, "TcpExtTW", "Connections that ended in TIME-WAIT.")                                             \
  X(tcp_abort_on_timeout, "TcpExtTCPAbortOnTimeout", "Connections given up after too many retransmissions.")         \
  X(tcp_listen_drops, "TcpExtListenDrops", "SYNs refused for lack of room.")                                         \
  X(tcp_syncookies_sent, "TcpExtSyncookiesSent", "SYNs answered with a cookie: too many handshakes were under way.") \
  X(tcp_syncookies_received, "TcpExtSyncookiesRecv", "Connections that a good cookie opened.")                       \
  X(tcp_syncookies_failed, "TcpExtSyncookiesFailed", "ACKs of no connection whose cookie was old, forged or none.")  \
  X(tcp_fast_open_active, "TcpExtTCPFastOpenActive", "SYNs of ours whose payload the peer took (RFC 7413).")         \
  X(tcp_fast_open_active_fail, "TcpExtTCPFastOpenActiveFail", "SYNs of ours whose payload had to be sent again.")    \
  X(tcp_fast_open_passive, "TcpExtTCPFastOpenPassive", "SYNs whose payload was taken.")                              \
  X(tcp_fast_open_passive_fail, "TcpExtTCPFastOpenPassiveFail",                                                      \
    "SYNs whose payload was not taken for a wrong or old cookie.")                                                   \
  X(tcp_fast_open_overflow, "TcpExtTCPFastOpenListenOverflow",                                                       \
    "SYNs whose payload was not taken because too many others' wait for their third ACK.")                           \
  X(tcp_fast_open_cookie_requests, "TcpExtTCPFastOpenCookieReqd", "Fast Open cookies asked for by peers.")           \
  X(tcp_fast_open_blackhole, "TcpExtTCPFastOpenBlackhole",                                                           \
    "Destinations set aside because a SYN with payload was never answered.")                                         \
  X(mptcp_capable_syn_rx, "MPTcpExtMPCapableSYNRX", "SYNs with MP_CAPABLE received.")                                \
  X(mptcp_capable_ack_rx, "MPTcpExtMPCapableACKRX", "Third ACKs with MP_CAPABLE received.")                          \
  X(mptcp_fallback_ack, "MPTcpExtMPCapableFallbackACK",                                                              \
    "Connections that fell back because the third ACK had no MP_CAPABLE.")                                           \
  X(mptcp_fallback_data, "MptcpFallback", "Connections that fell back to TCP after the handshake.")                  \
  X(mptcp_join_syn_rx, "MPTcpExtMPJoinSynRx", "SYNs with MP_JOIN received.")                                         \
  X(mptcp_join_ack_rx, "MPTcpExtMPJoinAckRx", "Joins completed.")                                                    \
  X(mptcp_join_no_token, "MPTcpExtMPJoinNoTokenFound", "Joins with a token no connection has.")                      \
  X(mptcp_join_bad_hmac, "MPTcpExtMPJoinAckHMacFailure", "Joins with a wrong HMAC.")                                 \
  X(mptcp_join_rejected, "MPTcpExtMPJoinRejected", "Joins refused because the connection has subflows enough.")      \
  X(mptcp_dss_no_mapping, "MptcpNoMapping", "Payload for which no mapping arrived.")                                 \
  X(mptcp_dss_mismatch, "MPTcpExtDSSNotMatching", "Mappings that contradict the one in force.")                      \
  X(mptcp_dss_checksum, "MPTcpExtDataCsumErr", "Mappings with a wrong DSS checksum.")                                \
  X(mptcp_outside_window, "MPTcpExtNoDSSInWindow", "Data outside the data-level window.")                            \
  X(mptcp_ofo_queued, "MPTcpExtOFOQueue", "Segments queued out of data order.")                                      \
  X(mptcp_duplicate_data, "MPTcpExtDuplicateData", "Data that had arrived before, by this or another subflow.")      \
  X(mptcp_retransmitted, "MPTcpExtMPTCPRetrans", "Segments sent again on another subflow.")                          \
  X(mptcp_add_addr, "MPTcpExtAddAddr", "ADD_ADDR received with a right HMAC.")                                       \
  X(mptcp_add_addr_bad_hmac, "MptcpAddAddrBadHmac", "ADD_ADDR ignored for a wrong HMAC.")                            \
  X(mptcp_echo_add, "MPTcpExtEchoAddTx", "ADD_ADDR echoes sent.")                                                    \
  X(mptcp_rm_addr, "MPTcpExtRmAddr", "REMOVE_ADDR received.")                                                        \
  X(mptcp_prio_rx, "MPTcpExtMPPrioRx", "MP_PRIO received.")                                                          \
  X(mptcp_prio_tx, "MPTcpExtMPPrioTx", "MP_PRIO sent.")                                                              \
  X(mptcp_fail_rx, "MPTcpExtMPFailRx", "MP_FAIL received.")                                                          \
  X(mptcp_fail_tx, "MPTcpExtMPFailTx", "MP_FAIL sent.")                                                              \
  X(mptcp_fastclose_rx, "MPTcpExtMPFastcloseRx", "MP_FASTCLOSE received with our key.")                              \
  X(mptcp_fastclose_tx, "MPTcpExtMPFastcloseTx", "MP_FASTCLOSE sent.")                                               \
  X(mptcp_rst_rx, "MPTcpExtMPRstRx", "Resets with MP_TCPRST received.")                                              \
  X(mptcp_rst_tx, "MPTcpExtMPRstTx", "Resets with MP_TCPRST sent.")                                                  \
  X(mptcp_subflow_stale, "MPTcpExtSubflowStale", "Subflows set aside because they made no progress.")                \
  X(mptcp_subflow_recover, "MPTcpExtSubflowRecover", "Stale subflows that came back.")                               \
  X(relay_connections, "RelayConnections", "Proxied connections begun.")                                             \
  X(relay_refused, "RelayRefused", "Connections the server side refused or could not reach.")                        \
  X(relay_bytes_up, "RelayBytesUp", "Payload bytes moved from access leg to server leg.")                            \
  X(relay_bytes_down, "RelayBytesDown", "Payload bytes moved from server leg to access leg.")                        \
  X(convert_connects, "ConvertConnects", "Convert Connect messages accepted (RFC 8803).")                            \
  X(convert_errors, "ConvertErrors", "Convert Error TLVs sent.")                                                     \
  X(payload_copies, "PayloadCopies", "Packets whose payload was copied between buffers; the relay path keeps this 0.")

struct Counters {
#define TRIBUTARY_DECLARE(identifier, name, help) uint64_t identifier = 0;
  TRIBUTARY_COUNTERS(TRIBUTARY_DECLARE)
#undef TRIBUTARY_DECLARE
};

struct CounterInfo {
  std::string_view name;
  std::string_view help;
  uint64_t Counters::*member;
};

/// The table, in the order above.
inline constexpr auto kCounterInfo = std::to_array<CounterInfo>({
#define TRIBUTARY_DESCRIBE(identifier, name, help) {name, help, &Counters::identifier},
    TRIBUTARY_COUNTERS(TRIBUTARY_DESCRIBE)
#undef TRIBUTARY_DESCRIBE
});

}  // namespace tributary
