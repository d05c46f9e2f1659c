#include "src/script/snippets.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string_view>

#include "src/script/outcome.h"

namespace tributary::script {
namespace {

constexpr int kResult = 3;  // descriptor of the interpreter its verdict is written to
constexpr int kNotFound = 127;
constexpr size_t kMostTold = 1 << 14;  // bytes

// Compiled with blank lines in front, a snippet has its own lines of the script in every message. What the program
// tells is the line, "f" or "u", and the reason.
constexpr std::string_view kPrelude = R"PY(
import os, re, signal, sys, textwrap, traceback

signal.alarm(60)
_scope = {'__name__': '__main__'}
_tcp_info = re.compile('tcpi_|TCPI_|TCP_CA_|bbr_|dctcp_|tcpv_|SK_MEMINFO_')

def _end(line, kind, reason):
    sys.stdout.flush()
    os.write(3, ('%d %s %s' % (line, kind, reason[:4000])).encode())
    os._exit(1)

def _snippet(path, line, text, variables):
    for name in [n for n in _scope if n.startswith('tcpi_')]:
        del _scope[name]
    _scope.update(variables)
    first, newline, rest = text.partition('\n')
    if not first.strip():
        rest = textwrap.dedent(rest)
    try:
        exec(compile('\n' * (line - 1) + first.strip() + newline + rest, path, 'exec'), _scope)
    except SystemExit as error:
        if error.code:
            _end(line, 'f', 'the snippet ends with %r' % (error.code,))
    except BaseException as error:
        frames = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == path]
        where = frames[-1] if frames else getattr(error, 'lineno', None) or line
        source = text.split('\n')[where - line].strip() if 0 <= where - line <= text.count('\n') else ''
        missing = re.match("name '(.*)' is not defined", str(error))
        if isinstance(error, NameError) and missing and _tcp_info.match(missing[1]):
            _end(where, 'u', missing[1])
        _end(where, 'f', ''.join(traceback.format_exception_only(type(error), error)).strip() + '\n  ' + source)

)PY";

/// A Python literal of bytes that are UTF-8, or were meant to be.
std::string quote(std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out = "b'";
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    out += "\\x";
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out + "'.decode('utf-8', 'replace')";
}

std::string as_dictionary(std::span<const TcpVariable> variables) {
  std::string out = "{";
  for (const TcpVariable& v : variables) out += "'" + std::string(v.name) + "': " + std::to_string(v.value) + ", ";
  return out + "}";
}

/// A descriptor that is closed at the end.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  void set(int fd) { fd_ = fd; }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

/// A file without a name that holds `text`: a pipe would block when the interpreter does not read.
void store(Descriptor& file, std::string_view text) {
  file.set(memfd_create("snippets", MFD_CLOEXEC));
  while (!text.empty()) {
    const ssize_t n = write(file.get(), text.data(), text.size());
    if (n <= 0) fail("the snippets cannot be stored");
    text.remove_prefix(static_cast<size_t>(n));
  }
  lseek(file.get(), 0, SEEK_SET);
}

/// Runs `program`. Returns what it tells on kResult; `status` is as of waitpid.
std::string interpret(std::string_view program, int& status) {
  Descriptor input, from, to;
  store(input, program);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) fail("no pipe for the snippets");
  from.set(ends[0]);
  to.set(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input.get(), STDIN_FILENO);
  // Through a number out of the way: to itself it would keep its close-on-exec flag.
  posix_spawn_file_actions_adddup2(&actions, to.get(), 100);
  posix_spawn_file_actions_adddup2(&actions, 100, kResult);
  posix_spawn_file_actions_addclose(&actions, 100);
  std::string name = "python3", isolated = "-I", no_site = "-S", standard_input = "-";
  char* arguments[] = {name.data(), isolated.data(), no_site.data(), standard_input.data(), nullptr};
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, "python3", &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) unsupported("code snippets without python3");
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  // All of it fits the pipe; its end is not waited for, which somebody the interpreter has started may keep open.
  std::string told(kMostTold, '\0');
  const ssize_t n = read(from.get(), told.data(), told.size());
  told.resize(static_cast<size_t>(std::max<ssize_t>(n, 0)));
  return told;
}

}  // namespace

void Snippets::add(int line, const std::string& text, const std::vector<TcpVariable>& variables) {
  program_ += "_snippet(_path, " + std::to_string(line) + ", " + quote(text) + ", " + as_dictionary(variables) + ")\n";
}

void Snippets::run(const std::string& script_path) const {
  if (program_.empty()) return;
  std::string program(kPrelude);
  program += "_path = " + quote(script_path) + "\n";
  program += "_scope.update(" + as_dictionary(tcp_info_constants()) + ")\n";
  program += program_;
  int status = 0;
  const std::string told = interpret(program, status);
  if (told.empty()) {
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
    if (WIFEXITED(status) && WEXITSTATUS(status) == kNotFound) unsupported("code snippets without python3");
    fail("python3 ended with " + (WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                                                      : "status " + std::to_string(WEXITSTATUS(status))));
  }
  char* rest = nullptr;
  const auto line = static_cast<int>(std::strtol(told.c_str(), &rest, 10));
  const std::string_view verdict(rest);
  const std::string reason(verdict.substr(std::min<size_t>(3, verdict.size())));
  if (verdict.starts_with(" u ")) unsupported(reason, line);
  fail("the snippet: " + reason, line);
}

}  // namespace tributary::script
