#include "src/script/plugin/world.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <sstream>

#include "src/script/commands.h"
#include "src/script/eal.h"
#include "src/script/outcome.h"

namespace tributary::script {
namespace {

constexpr uint16_t kLeastMtuV6 = 1280;
constexpr Micros kPatience = Micros::seconds(300);  // how long a packet may keep the script waiting

std::vector<std::pair<std::string, std::string>> split_flags(const std::string& flags) {
  std::vector<std::pair<std::string, std::string>> out;
  std::istringstream parts(flags);
  for (std::string part; std::getline(parts, part, ',');) {
    const size_t equals = std::min(part.find('='), part.size());
    if (!part.empty()) out.emplace_back(part.substr(0, equals), part.substr(std::min(equals + 1, part.size())));
  }
  return out;
}
bool is_sysctl(const std::string& name) {
  return name.starts_with("net.");
}

int64_t set_errno(int64_t result) {
  if (result >= 0) return result;
  errno = static_cast<int>(-result);
  return -1;
}

}  // namespace

PluginWorld::PluginWorld(const std::string& flags) {
  options_.host.settings = HostOptions::small_settings();
  const auto settings = split_flags(flags);
  for (const auto& [name, value] : settings)
    if (!is_sysctl(name)) options_.apply(name, value);
  options_.finish();
  if (options_.host.mtu >= kLeastMtuV6)  // both families, where the link is one for both
    options_.host.other = *IpAddress::parse(options_.host.local.is_v4() ? "fd3d:fa7b:d17d::1" : "192.168.0.1");
  std::string error;
  if (!start_eal(error)) fail(error);
  pools_ = make_script_pools(error);
  if (pools_ == nullptr) fail(error);
  host_ = std::make_unique<VirtualHost>(*pools_, options_.host, face_);
  face_.attach(*host_);
  Commands commands(*host_, face_, ".");
  for (const auto& [name, value] : settings)
    if (is_sysctl(name)) commands.run("sysctl " + name + "=\"" + value + "\"");
}

void PluginWorld::note_retried(bool& again) {
  if (!again) return;
  again = false;
  --to_retry_;
  retried_.notify_all();
}

void PluginWorld::wait_for_step(Lock& lock, bool& again) {
  note_retried(again);
  ++waiting_;
  stepped_.wait(lock, [this, seen = steps_] { return steps_ != seen; });
  --waiting_;
  again = true;
}

void PluginWorld::step(Lock& lock, Micros limit) {
  host_->step(limit);
  if (waiting_ == 0) return;
  to_retry_ = waiting_;
  ++steps_;
  stepped_.notify_all();
  retried_.wait(lock, [this] { return to_retry_ == 0; });
}

int64_t PluginWorld::call(int fd, const std::function<int64_t(SocketFace&)>& attempt, int flags) {
  Lock lock(mutex_);
  bool again = false;
  try {
    while (true) {
      const int64_t result = attempt(face_);
      host_->pass();
      if (result != -EAGAIN || !face_.is_blocking(fd) || (flags & MSG_DONTWAIT)) {
        note_retried(again);
        return set_errno(result);
      }
      wait_for_step(lock, again);
    }
  } catch (const ScriptError& error) {
    note_retried(again);
    std::fprintf(stderr, "tributary: %s: %s\n", error.verdict() == Verdict::kUnsupported ? "unsupported" : "error",
                 error.what());
    return set_errno(-EOPNOTSUPP);
  }
}

int PluginWorld::poll(pollfd* fds, size_t count, int timeout_ms) {
  Lock lock(mutex_);
  const Micros deadline = timeout_ms < 0 ? Micros::never() : host_->now() + Micros::milliseconds(timeout_ms);
  bool again = false;
  while (true) {
    int ready = 0;
    for (size_t i = 0; i < count; ++i) {
      fds[i].revents = static_cast<short>(face_.poll(fds[i].fd, fds[i].events));
      if (fds[i].revents != 0) ++ready;
    }
    if (ready != 0 || host_->now() >= deadline) {
      note_retried(again);
      return ready;
    }
    wait_for_step(lock, again);
  }
}

void PluginWorld::learn_address(const Bytes& packet) {
  wire::IpHeader ip;
  if (wire::parse_ip(packet, false, ip) != wire::IpError::kNone || ip.destination.is_multicast()) return;
  host_->add_address(ip.destination);
}

void PluginWorld::send(const void* packet, size_t size) {
  Lock lock(mutex_);
  const auto* bytes = static_cast<const uint8_t*>(packet);
  const Bytes copy(bytes, bytes + size);
  learn_address(copy);
  host_->receive(copy);
  step(lock, host_->now());
}

bool PluginWorld::receive(Bytes& packet, Micros& time) {
  Lock lock(mutex_);
  const Micros limit = host_->now() + kPatience;
  while (host_->sent.empty() && host_->now() < limit) step(lock, limit);
  if (host_->sent.empty()) return false;
  packet = std::move(host_->sent.front().bytes);
  time = host_->sent.front().time;
  host_->sent.pop_front();
  return true;
}

void PluginWorld::sleep(Micros time) {
  Lock lock(mutex_);
  const Micros until = host_->now() + time;
  do step(lock, until);
  while (host_->now() < until);
}

Micros PluginWorld::now() {
  Lock lock(mutex_);
  return host_->now();
}

}  // namespace tributary::script
