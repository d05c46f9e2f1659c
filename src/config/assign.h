// From a checked value to the member of a section it belongs to. Only schema.cc uses this.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <vector>

#include "src/config/schema.h"

namespace tributary::config {

inline void put(const Value& value, bool& member) {
  member = std::get<bool>(value);
}
template <std::integral T>
requires(!std::same_as<T, bool>) void put(const Value& value, T& member) {
  member = static_cast<T>(std::get<int64_t>(value));
}
inline void put(const Value& value, std::string& member) {
  member = std::get<std::string>(value);
}
inline void put(const Value& value, IpAddress& member) {
  member = IpAddress::parse(std::get<std::string>(value)).value();
}
inline void put(const Value& value, IpPrefix& member) {
  member = IpPrefix::parse(std::get<std::string>(value)).value();
}
template <typename T>
void put(const Value& value, std::optional<T>& member) {
  put(value, member.emplace());
}
template <typename T>
void put(const Value& value, std::vector<T>& member) {
  member.clear();
  for (const std::string& item : std::get<std::vector<std::string>>(value)) put(Value(item), member.emplace_back());
}

template <typename T>
struct MemberOf;
template <typename S, typename T>
struct MemberOf<T S::*> {
  using SectionType = S;
};

/// `assign_to<&PortSection::mtu>` is the Option::assign of that member.
template <auto kMember>
void assign_to(Lines& section, const Value& value) {
  using S = typename MemberOf<decltype(kMember)>::SectionType;
  put(value, static_cast<S&>(section).*kMember);
}

template <auto kMember>
Lines& open_single(Config& config) {
  return config.*kMember;
}
template <auto kMember>
Lines& open_repeated(Config& config) {
  return (config.*kMember).emplace_back();
}

}  // namespace tributary::config
