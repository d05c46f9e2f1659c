// The name somebody probably meant.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace tributary::config {

/// Insertions, deletions, substitutions and swaps of neighbours that turn one into the other.
size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate with the least distance, if it is near enough to be a typing error; empty otherwise.
std::string_view find_nearest(std::string_view name, std::span<const std::string_view> candidates);

/// "; did you mean \"mtu\"?", or nothing.
std::string suggest_nearest(std::string_view name, std::span<const std::string_view> candidates);

}  // namespace tributary::config
