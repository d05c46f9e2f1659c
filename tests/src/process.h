// A program started by a test: its output is read, its end is waited for, never for longer than a minute.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <string>
#include <vector>

namespace tributary::test {

class Process {
 public:
  explicit Process(std::vector<std::string> arguments) {
    std::array<int, 2> ends;
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return;
    pid_ = fork();
    if (pid_ == 0) {
      dup2(ends[1], STDOUT_FILENO);
      dup2(ends[1], STDERR_FILENO);
      std::vector<char*> argv;
      for (std::string& argument : arguments) argv.push_back(argument.data());
      argv.push_back(nullptr);
      execv(argv[0], argv.data());
      _exit(127);
    }
    close(ends[1]);
    output_end_ = ends[0];
  }
  ~Process() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    close(output_end_);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void send_signal(int number) { kill(pid_, number); }

  /// Reads until `text` was written. False when the program ended or the time ran out before.
  bool wait_for_output(const std::string& text) {
    while (output_.find(text) == std::string::npos)
      if (!read_some()) return false;
    return true;
  }
  /// The exit status, -signal, or -1000 when it did not end in time.
  int wait_for_end() {
    while (read_some()) {
    }
    while (std::chrono::steady_clock::now() < deadline_) {
      int status = 0;
      if (waitpid(pid_, &status, WNOHANG) == pid_) {
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
      }
      usleep(1000);
    }
    return -1000;
  }
  const std::string& output() const { return output_; }

 private:
  bool read_some() {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - std::chrono::steady_clock::now());
    pollfd wanted = {.fd = output_end_, .events = POLLIN, .revents = 0};
    if (left.count() <= 0 || poll(&wanted, 1, static_cast<int>(left.count())) <= 0) return false;
    std::array<char, 4096> chunk;
    const ssize_t size = read(output_end_, chunk.data(), chunk.size());
    if (size <= 0) return false;
    output_.append(chunk.data(), static_cast<size_t>(size));
    return true;
  }

  pid_t pid_ = -1;
  int output_end_ = -1;
  std::string output_;
  std::chrono::steady_clock::time_point deadline_ = std::chrono::steady_clock::now() + std::chrono::seconds(60);
};

}  // namespace tributary::test
