// Median and spread of one figure over interleaved runs.
#pragma once

#include <algorithm>
#include <vector>

namespace tributary::bench {

struct Summary {
  double median = 0, low = 0, high = 0;  ///< low and high: the quartiles
  double least = 0, most = 0;
};

inline Summary summarize(std::vector<double> samples) {
  if (samples.empty()) return {};
  std::sort(samples.begin(), samples.end());
  const auto at = [&](double part) {
    const double place = part * static_cast<double>(samples.size() - 1);
    const auto below = static_cast<size_t>(place);
    const size_t above = std::min(below + 1, samples.size() - 1);
    return samples[below] + (samples[above] - samples[below]) * (place - static_cast<double>(below));
  };
  return {at(0.5), at(0.25), at(0.75), samples.front(), samples.back()};
}

}  // namespace tributary::bench
