// Work for the end of the pass: control blocks by index, first in first out. A block is on a list at most once, which a
// flag of the block says.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace tributary {

class WorkList {
 public:
  bool empty() const { return items_.empty(); }
  void push(uint32_t index) { items_.push_back(index); }

  /// Visits everything on the list and what is pushed meanwhile; the list is empty afterwards.
  template <typename F>
  void drain(F&& visit) {
    for (size_t i = 0; i < items_.size(); ++i) visit(items_[i]);
    items_.clear();
  }
  /// Visits what is on the list now; what is pushed meanwhile stays for the next time.
  template <typename F>
  void drain_once(F&& visit) {
    std::swap(items_, visited_);
    for (const uint32_t index : visited_) visit(index);
    visited_.clear();
  }

 private:
  std::vector<uint32_t> items_;
  std::vector<uint32_t> visited_;  // its memory is used again
};

}  // namespace tributary
