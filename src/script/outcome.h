// How a script ends: passed, failed with a reason, or not run to its end because it asks for something
// unknown.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace tributary::script {

enum class Verdict : uint8_t { kPassed, kFailed, kUnsupported };

struct Outcome {
  Verdict verdict = Verdict::kPassed;
  int line = 0;
  std::string reason;  ///< several lines for a mismatch of packets
};

/// Ends a script. `line` 0 stands for the line of the event being carried out.
class ScriptError : public std::runtime_error {
 public:
  ScriptError(Verdict verdict, int line, const std::string& reason)
      : std::runtime_error(reason), verdict_(verdict), line_(line) {}
  Verdict verdict() const { return verdict_; }
  int line() const { return line_; }

 private:
  Verdict verdict_;
  int line_;
};

[[noreturn]] inline void fail(const std::string& reason, int line = 0) {
  throw ScriptError(Verdict::kFailed, line, reason);
}
/// For what the language has and this runner or the stack does not: never a pass, never a failure.
[[noreturn]] inline void unsupported(const std::string& what, int line = 0) {
  throw ScriptError(Verdict::kUnsupported, line, what);
}

}  // namespace tributary::script
