#include "src/config/diagnostics.h"

#include <algorithm>
#include <utility>

#include "datapath/concat.h"

namespace tributary::config {

void Diagnostics::add_error(uint32_t line, std::string message) {
  all_.push_back({line, Diagnostic::Severity::kError, std::move(message)});
}

void Diagnostics::add_warning(uint32_t line, std::string message) {
  all_.push_back({line, Diagnostic::Severity::kWarning, std::move(message)});
}

bool Diagnostics::has_errors() const {
  return std::ranges::any_of(all_, [](const Diagnostic& d) { return d.severity == Diagnostic::Severity::kError; });
}

std::string Diagnostics::to_string() const {
  // Stable without std::stable_sort, whose library of g++ 12 clang 19 finds fault with.
  std::vector<const Diagnostic*> sorted;
  for (const Diagnostic& d : all_) sorted.push_back(&d);
  std::ranges::sort(sorted, {}, [](const Diagnostic* d) { return std::pair(d->line, d); });
  std::string text;
  for (const Diagnostic* diagnostic : sorted) {
    const Diagnostic& d = *diagnostic;
    append(text, file_, ":");
    if (d.line != 0) append(text, d.line, ":");
    append(text, d.severity == Diagnostic::Severity::kError ? " error: " : " warning: ", d.message, "\n");
  }
  return text;
}

}  // namespace tributary::config
