#include "tests/sim/application.h"

#include <algorithm>
#include <utility>

#include "stack/wire/checksum.h"

namespace tributary::sim {

void Application::on_stream(ByteStream stream, uint16_t events) {
  stream_ = stream;
  seen_ |= events;
  if (events & kStreamEstablished) {
    established_at_ = host_->now();
    on_established();
  }
  if (events & kStreamReadable && !aborted_) on_readable();
  if (events & kStreamAcked && !aborted_) on_acked();
  if (events & kStreamEnd && !aborted_) on_end();
  if (events & (kStreamReset | kStreamClosed)) {
    error_ = stack().error(stream_);
    on_gone();
  }
}

void Application::after(Micros delay, std::function<void()> action) {
  host_->loop().after(delay, [this, action = std::move(action)] {
    if (is_gone()) return;
    host_->post([this, action] {
      if (!is_gone()) action();
    });
  });
}

void Application::abort() {
  if (is_gone()) return;
  aborted_ = true;
  stack().abort(stream_);
}

void Transfer::on_established() {
  if (plan_.receive_budget != 0) stack().set_receive_budget(stream(), plan_.receive_budget);
  pump();
}

void Transfer::on_readable() {
  read_some();
}

void Transfer::on_acked() {
  acked_ += stack().take_acked(stream());
  pump();
}

void Transfer::on_end() {
  read_some();
  maybe_close();
}

void Transfer::on_gone() {
  if (!was_closed()) return;
  sleeping_ = false;
  stalled_ = true;
  plan_.read_pause = Micros(0);
  read_some();  // the last chance: the stream and what nobody has read go when this returns
  if (received_ != plan_.receive_bytes) complain("closed before everything had arrived");
  acked_ += stack().take_acked(stream());
  if (acked_ != plan_.send_bytes) complain("closed with " + std::to_string(acked_) + " bytes reported as acknowledged");
}

void Transfer::pump() {
  if (closed_ || is_gone()) return;
  while (sent_ < plan_.send_bytes) {
    if (sent_ >= plan_.abort_after_sent) return abort();
    const uint32_t unacked = stack().unacked(stream());
    if (plan_.one_write_a_turn ? unacked > 0 : unacked >= plan_.window) return;
    const uint64_t wanted = host().prng().between(plan_.smallest_write, plan_.largest_write);
    const auto size = static_cast<uint16_t>(std::min(wanted, plan_.send_bytes - sent_));
    Packet packet = host().pools().data();
    if (!packet) {
      if (!std::exchange(retry_planned_, true))
        after(Micros::milliseconds(1), [this] {
          retry_planned_ = false;
          pump();
        });
      return;
    }
    uint8_t* room = reinterpret_cast<uint8_t*>(rte_pktmbuf_append(packet.get(), size));
    const std::span<uint8_t> payload(room, size);
    out_.fill(sent_, payload);
    PacketInfo& info = packet.info();
    info.payload_offset = packet.get()->data_off;
    info.payload_size = size;
    info.payload_sum = wire::sum_bytes(payload);
    PacketList list;
    list.push_back(std::move(packet));
    stack().write(stream(), std::move(list));
    sent_ += size;
  }
  maybe_close();
}

void Transfer::maybe_close() {
  if (closed_ || sent_ < plan_.send_bytes || plan_.close == CloseWhen::kNever || is_gone()) return;
  if (plan_.close == CloseWhen::kPeerClosed && !peer_closed()) return;
  closed_ = true;
  stack().close(stream());
}

void Transfer::read_some() {
  while (!sleeping_ && !was_reset() && !was_aborted()) {
    most_held_ = std::max(most_held_, stack().readable(stream()));
    if (received_ >= plan_.stall_after && !std::exchange(stalled_, true)) {
      sleeping_ = true;
      return after(plan_.stall, [this] {
        sleeping_ = false;
        read_some();
      });
    }
    PacketList list = stack().read(stream(), plan_.read_at_once);
    if (list.empty()) return;
    uint32_t bytes = 0;
    while (Packet packet = list.pop_front()) {
      const auto payload = packet.payload();
      if (const auto wrong = in_.find_difference(received_, payload))
        complain("wrong byte at offset " + std::to_string(received_ + *wrong));
      if (!wire::same_value(packet.info().payload_sum, wire::sum_bytes(payload)))
        complain("wrong payload sum at offset " + std::to_string(received_));
      received_ += payload.size();
      bytes += static_cast<uint32_t>(payload.size());
    }
    stack().release(stream(), bytes);
    if (received_ > plan_.receive_bytes) complain("more bytes than were sent");
    if (received_ == plan_.receive_bytes) received_all_at_ = host().now();
    if (received_ >= plan_.abort_after_received) return abort();
    if (plan_.read_pause.count() > 0) {
      sleeping_ = true;
      after(plan_.read_pause, [this] {
        sleeping_ = false;
        read_some();
      });
    }
  }
}

void Transfer::complain(const std::string& what) {
  if (problem_.empty()) problem_ = host().name() + ": " + what;
}

std::string Transfer::describe() const {
  std::string text = host().name() + ": sent " + std::to_string(sent_) + "/" + std::to_string(plan_.send_bytes) +
                     ", acknowledged " + std::to_string(acked_) + ", received " + std::to_string(received_) + "/" +
                     std::to_string(plan_.receive_bytes);
  if (established()) text += ", established";
  if (closed_) text += ", we closed";
  if (peer_closed()) text += ", peer closed";
  if (was_closed()) text += ", closed";
  if (was_reset()) text += ", reset (error " + std::to_string(static_cast<int>(error())) + ")";
  if (!problem_.empty()) text += "; " + problem_;
  if (const auto info = is_gone() ? std::nullopt : stack().info(stream())) {
    text += info->mptcp ? (info->fallback ? "; fallback" : "; mptcp") : "; tcp";
    text += ", queued " + std::to_string(info->send_queued) + ", held " + std::to_string(info->receive_held);
    for (const auto& s : info->subflows)
      text += "\n    " + s.key.local.to_string() + ":" + std::to_string(s.key.local_port) + " " + std::string(s.state) +
              " cwnd " + std::to_string(s.cwnd) + " in flight " + std::to_string(s.in_flight) + " window " +
              std::to_string(s.send_window) + " rto " + std::to_string(s.rto_us) + " sent " +
              std::to_string(s.bytes_sent) + " received " + std::to_string(s.bytes_received) + " retransmissions " +
              std::to_string(s.retransmissions) + (s.stale ? " stale" : "") + (s.backup ? " backup" : "");
  }
  return text;
}

void Echo::on_readable() {
  PacketList list = stack().read(stream(), UINT32_MAX);
  for (rte_mbuf* m = list.front(); m != nullptr; m = PacketList::next(m)) echoed_ += info_of(m).payload_size;
  if (!list.empty()) stack().write(stream(), std::move(list));
}

// What is acknowledged leaves the buffers: only then may the peer send more.
void Echo::on_acked() {
  stack().release(stream(), stack().take_acked(stream()));
}

void Echo::on_end() {
  on_readable();
  if (!std::exchange(at_end_, true)) stack().close(stream());
}

}  // namespace tributary::sim
