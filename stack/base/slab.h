// Fixed-size objects named by 32-bit index plus generation (design D5).
// Address space for the whole capacity is reserved at once, memory is touched only as objects are used, so an
// index is one multiplication away from its object and an unused slab costs nothing.
#pragma once

#include <sys/mman.h>

#include <cstdint>
#include <limits>
#include <new>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

namespace tributary {

/// Names one object of a `Slab<T>`. A handle outlives its object harmlessly: look-up returns null then.
template <typename T>
struct Handle {
  static constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();
  uint32_t index = kNone;
  uint32_t generation = 0;
  explicit operator bool() const { return index != kNone; }
  bool operator==(const Handle&) const = default;
};

/// Single-threaded pool of `T`. `create` returns null when the capacity is used up; nothing throws on the path.
template <typename T>
class Slab {
 public:
  explicit Slab(uint32_t capacity) : capacity_(capacity) {
    if (capacity == 0 || capacity >= Handle<T>::kNone) throw std::invalid_argument("slab capacity out of range");
    objects_ = static_cast<T*>(reserve(sizeof(T)));
    generations_ = static_cast<uint32_t*>(reserve(sizeof(uint32_t)));
  }
  ~Slab() {
    for_each([this](T& object) { destroy(object); });
    munmap(objects_, sizeof(T) * static_cast<size_t>(capacity_));
    munmap(generations_, sizeof(uint32_t) * static_cast<size_t>(capacity_));
  }
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  template <typename... Args>
  T* create(Args&&... args) {
    uint32_t index;
    if (!free_.empty()) {
      index = free_.back();
      free_.pop_back();
    } else if (touched_ < capacity_) {
      index = touched_++;
    } else {
      return nullptr;
    }
    generations_[index] |= 1;  // odd while in use
    ++used_;
    return new (&objects_[index]) T(std::forward<Args>(args)...);
  }

  void destroy(T& object) {
    const uint32_t i = index(object);
    object.~T();
    ++generations_[i];  // even: free; the next object here gets the next odd number
    --used_;
    free_.push_back(i);
  }

  uint32_t index(const T& object) const { return static_cast<uint32_t>(&object - objects_); }
  Handle<T> handle(const T& object) const {
    const uint32_t i = index(object);
    return {i, generations_[i]};
  }

  /// The object, or null when it is gone.
  T* find(Handle<T> h) const {
    return h.index < touched_ && in_use(h.index) && generations_[h.index] == h.generation ? &objects_[h.index]
                                                                                          : nullptr;
  }
  /// The object at an index known to be in use.
  T& at(uint32_t i) const { return objects_[i]; }
  bool in_use(uint32_t i) const { return i < touched_ && (generations_[i] & 1); }
  void prefetch(uint32_t i) const {
    for (size_t line = 0; line < sizeof(T); line += 64)
      __builtin_prefetch(reinterpret_cast<char*>(&objects_[i]) + line);
  }

  uint32_t size() const { return used_; }
  uint32_t capacity() const { return capacity_; }
  /// One more than the highest index ever used: the bound for iteration in pieces.
  uint32_t end_index() const { return touched_; }

  template <typename F>
  void for_each(F&& f) {
    for (uint32_t i = 0; i < touched_; ++i)
      if (generations_[i] & 1) f(objects_[i]);
  }

 private:
  void* reserve(size_t object_size) const {
    void* memory = mmap(nullptr, object_size * static_cast<size_t>(capacity_), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    return memory;
  }

  T* objects_ = nullptr;
  uint32_t* generations_ = nullptr;
  uint32_t capacity_;
  uint32_t touched_ = 0;
  uint32_t used_ = 0;
  std::vector<uint32_t> free_;
};

}  // namespace tributary
