#include "stack/tcp/fast_open_cache.h"

#include <algorithm>

namespace tributary::tcp {
namespace {

constexpr uint8_t kMostDoublings = 6;  // of an hour: not three days

}  // namespace

std::span<const FastOpenCache::Entry> FastOpenCache::set_of(const FlowKey& key) const {
  if (entries_.empty()) return {};
  const size_t sets = entries_.size() / kWays;
  const size_t set = hash_flow({key.local, key.remote, 0, 0}, secret_) % sets;
  return std::span(entries_).subspan(set * kWays, kWays);
}

const FastOpenCache::Entry* FastOpenCache::find(const FlowKey& key) const {
  for (const Entry& entry : set_of(key))
    if (entry.used >= Micros(0) && entry.remote == key.remote && entry.local == key.local) return &entry;
  return nullptr;
}

FastOpenCache::Entry* FastOpenCache::obtain(const FlowKey& key, Micros now) {
  if (capacity_ < kWays) return nullptr;
  if (entries_.empty()) entries_.resize(capacity_ / kWays * kWays);
  const Entry* entry = find(key);
  if (entry == nullptr) {
    const auto set = set_of(key);
    entry = &*std::min_element(set.begin(), set.end(), [](const Entry& a, const Entry& b) { return a.used < b.used; });
    Entry fresh;
    fresh.local = key.local;
    fresh.remote = key.remote;
    entries_[static_cast<size_t>(entry - entries_.data())] = fresh;
  }
  Entry& found = entries_[static_cast<size_t>(entry - entries_.data())];
  found.used = now;
  return &found;
}

void FastOpenCache::learn(const FlowKey& key, std::span<const uint8_t> cookie, bool experimental, uint16_t mss,
                          Micros now) {
  Entry* entry = obtain(key, now);
  if (entry == nullptr || cookie.size() > entry->cookie.size()) return;
  std::copy(cookie.begin(), cookie.end(), entry->cookie.begin());
  entry->size = static_cast<uint8_t>(cookie.size());
  entry->mss = mss;
  entry->experimental = experimental;
}

void FastOpenCache::note_no_cookie(const FlowKey& key, uint16_t mss, Micros now) {
  Entry* entry = obtain(key, now);
  if (entry == nullptr) return;
  if (entry->size != 0) {
    entry->mss = mss;
    return;
  }
  entry->experimental = !entry->tried_experimental;
  entry->tried_experimental = true;
}

void FastOpenCache::note_timeout(const FlowKey& key, Micros now) {
  Entry* entry = obtain(key, now);
  if (entry == nullptr) return;
  entry->shut_until = now + pause_ * (int64_t{1} << std::min(entry->timeouts, kMostDoublings));
  if (entry->timeouts < UINT8_MAX) ++entry->timeouts;
}

void FastOpenCache::note_success(const FlowKey& key, Micros now) {
  Entry* entry = obtain(key, now);
  if (entry == nullptr) return;
  entry->timeouts = 0;
  entry->shut_until = Micros(0);  // the payload has come through: it was the answer that was lost
}

size_t FastOpenCache::size() const {
  return static_cast<size_t>(
      std::count_if(entries_.begin(), entries_.end(), [](const Entry& entry) { return entry.used >= Micros(0); }));
}

}  // namespace tributary::tcp
