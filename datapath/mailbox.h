// Mailbox: how other threads (control, telemetry) ask a worker to do something. The worker looks once a pass
// and pays one load when there is nothing; it never waits and nobody shares its data.
#pragma once

#include <atomic>
#include <functional>
#include <utility>

namespace tributary::datapath {

/// Any thread posts, one thread runs. What was posted and never run is destroyed unrun.
class Mailbox {
 public:
  using Task = std::function<void()>;

  Mailbox() = default;
  ~Mailbox() {
    for (Letter* letter = take_all(); letter != nullptr;) delete std::exchange(letter, letter->next);
  }
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  void post(Task task) {
    auto* letter = new Letter{std::move(task), newest_.load(std::memory_order_relaxed)};
    while (!newest_.compare_exchange_weak(letter->next, letter, std::memory_order_release, std::memory_order_relaxed)) {
    }
  }

  bool empty() const { return newest_.load(std::memory_order_relaxed) == nullptr; }

  /// Runs everything posted so far, oldest first. Returns whether there was anything.
  bool run_all() {
    if (empty()) return false;
    Letter* oldest = nullptr;
    for (Letter* letter = take_all(); letter != nullptr;) {
      Letter* next = std::exchange(letter->next, oldest);
      oldest = std::exchange(letter, next);
    }
    while (oldest != nullptr) {
      oldest->task();
      delete std::exchange(oldest, oldest->next);
    }
    return true;
  }

 private:
  struct Letter {
    Task task;
    Letter* next;
  };
  Letter* take_all() { return newest_.exchange(nullptr, std::memory_order_acquire); }

  std::atomic<Letter*> newest_{nullptr};
};

}  // namespace tributary::datapath
