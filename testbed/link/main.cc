// tributary-link: an access network between two interfaces, in place of a kernel's network emulation queue.
// One thread waits in epoll for frames, commands and the next deadline; it never spins.
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "testbed/link/command.h"
#include "testbed/link/link.h"
#include "testbed/link/packet_socket.h"
#include "testbed/link/units.h"

namespace tributary::link {
namespace {

constexpr std::string_view kUsage =
    "usage: tributary-link LEFT RIGHT [option]...\n"
    "Forwards Ethernet frames between two interfaces; \"forward\" is from LEFT to RIGHT.\n"
    "  --set COMMAND       a command to begin with, may be given several times:\n"
    "                        [forward|backward|both] rate 20M delay 10ms queue 256K|100p loss 1% duplicate "
    "1%\n"
    "                        reorder 1% reorder-delay 5ms overhead 24 | down | up ; drop-dst ADDRESS|none\n"
    "  --seed N            of the random numbers (1)\n"
    "  --interval TIME     print statistics as a JSON line this often (only at the end)\n"
    "  --control PATH      also take commands, one a datagram, on this UNIX socket\n"
    "  --frames N          buffers (65536)\n"
    "  --frame-bytes N     longest frame (2044)\n"
    "Commands are also read from standard input, one a line; 'stats' prints the statistics at once.\n";

struct Options {
  std::string left, right, control;
  std::vector<std::string> commands;
  std::uint64_t seed = 1;
  Nanos interval{0};
  std::uint64_t frames = 65536;
  std::uint64_t frame_bytes = 2048;
};

[[noreturn]] void refuse(const std::string& what) {
  std::fprintf(stderr, "tributary-link: %s\n", what.c_str());
  std::exit(2);
}

Options read_options(int argc, char** argv) {
  Options options;
  const option known[] = {
      {"set", required_argument, nullptr, 's'},      {"seed", required_argument, nullptr, 'r'},
      {"interval", required_argument, nullptr, 'i'}, {"control", required_argument, nullptr, 'c'},
      {"frames", required_argument, nullptr, 'n'},   {"frame-bytes", required_argument, nullptr, 'b'},
      {"help", no_argument, nullptr, 'h'},           {nullptr, 0, nullptr, 0}};
  auto need = [&](auto value, const char* name) {
    if (!value) refuse("bad value for --" + std::string(name) + ": '" + optarg + "'");
    return *value;
  };
  for (int c; (c = getopt_long(argc, argv, "h", known, nullptr)) != -1;) {
    switch (c) {
      case 's':
        options.commands.emplace_back(optarg);
        break;
      case 'r':
        options.seed = need(parse_count(optarg), "seed");
        break;
      case 'i':
        options.interval = need(parse_duration(optarg), "interval");
        break;
      case 'c':
        options.control = optarg;
        break;
      case 'n':
        options.frames = need(parse_count(optarg), "frames");
        break;
      case 'b':
        options.frame_bytes = need(parse_count(optarg), "frame-bytes") + 4;  // and room for a tag
        break;
      case 'h':
        std::fputs(kUsage.data(), stdout);
        std::exit(0);
      default:
        std::fputs(kUsage.data(), stderr);
        std::exit(2);
    }
  }
  if (argc - optind != 2) {
    std::fputs(kUsage.data(), stderr);
    std::exit(2);
  }
  if (options.frames == 0 || options.frames > (1u << 24)) refuse("--frames must be 1 to 16777216");
  if (options.frame_bytes < 64 || options.frame_bytes > 65536 + 4) refuse("--frame-bytes must be 60 to 65536");
  options.left = argv[optind];
  options.right = argv[optind + 1];
  return options;
}

// Whole lines or nothing: a reader that does not keep up loses statistics, it does not stop the link.
void print(const std::string& line) {
  (void)!write(STDOUT_FILENO, line.data(), line.size());
}

int open_control(const std::string& path) {
  int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (descriptor < 0 || path.size() >= sizeof(address.sun_path)) refuse("cannot open the control socket " + path);
  path.copy(address.sun_path, path.size());
  if (bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof(address)) < 0) {
    throw std::system_error(errno, std::generic_category(), "bind to " + path);
  }
  return descriptor;
}

class Emulator {
 public:
  explicit Emulator(const Options& options)
      : options_(options),
        pool_(static_cast<std::uint32_t>(options.frames), options.frame_bytes),
        link_(pool_, options.seed),
        left_(options.left),
        right_(options.right),
        start_(read_clock()) {
    for (const std::string& command : options.commands) {
      Outcome outcome = apply_command(link_, start_, command);
      if (!outcome.error.empty()) refuse(outcome.error);
    }
    if (!options.control.empty()) control_ = open_control(options.control);
  }
  ~Emulator() {
    if (control_ >= 0) {
      close(control_);
      unlink(options_.control.c_str());
    }
  }

  // Runs until SIGTERM or SIGINT.
  void run(int signals) {
    int poller = epoll_create1(EPOLL_CLOEXEC);
    for (int descriptor : {left_.descriptor(), right_.descriptor(), signals, control_, STDIN_FILENO}) {
      if (descriptor < 0) continue;
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.fd = descriptor;
      // A regular file or nothing at all as standard input cannot be waited for, and brings no commands.
      bool added = epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event) == 0;
      if (!added && descriptor != STDIN_FILENO) throw std::system_error(errno, std::generic_category(), "epoll");
    }
    TimePoint next_report = start_ + options_.interval;
    print("{\"ready\":true}\n");
    for (bool running = true; running;) {
      std::array<epoll_event, 8> events;
      int ready = wait(poller, events, next_report);
      TimePoint now = read_clock();
      for (int i = 0; i < ready; ++i) {
        int descriptor = events[static_cast<std::size_t>(i)].data.fd;
        if (descriptor == left_.descriptor()) take_in(left_, link_.forward);
        if (descriptor == right_.descriptor()) take_in(right_, link_.backward);
        if (descriptor == control_) obey_datagrams();
        if (descriptor == STDIN_FILENO && !obey_standard_input()) {
          epoll_ctl(poller, EPOLL_CTL_DEL, STDIN_FILENO, nullptr);
        }
        if (descriptor == signals) running = false;
      }
      deliver(link_.forward, right_);
      deliver(link_.backward, left_);
      if (options_.interval.count() > 0 && now >= next_report) {
        report();
        // Missed reports are not made up for.
        while (next_report <= now) next_report += options_.interval;
      }
    }
    close(poller);
    report();
  }

 private:
  int wait(int poller, std::array<epoll_event, 8>& events, TimePoint next_report) {
    std::optional<TimePoint> deadline = next_deadline(link_);
    if (options_.interval.count() > 0) deadline = deadline ? std::min(*deadline, next_report) : next_report;
    timespec timeout{};
    if (deadline) {
      Nanos left = std::max(*deadline - read_clock(), Nanos{0});
      timeout.tv_sec = static_cast<time_t>(left.count() / 1'000'000'000);
      timeout.tv_nsec = static_cast<long>(left.count() % 1'000'000'000);
    }
    return epoll_pwait2(poller, events.data(), static_cast<int>(events.size()), deadline ? &timeout : nullptr, nullptr);
  }

  // A few batches at most, so that a flood from one side cannot keep the other side or the deadlines waiting.
  void take_in(PacketSocket& socket, Direction& direction) {
    constexpr int kBatchesAtOnce = 4;
    std::array<Received, PacketSocket::kBatch> frames;
    for (int batch = 0; batch < kBatchesAtOnce; ++batch) {
      std::size_t count = 0;
      bool more = socket.receive(pool_, direction.statistics(), frames, count);
      for (std::size_t i = 0; i < count; ++i) offer(link_, direction, frames[i].time, frames[i].frame);
      deliver(direction, &socket == &left_ ? right_ : left_);
      if (!more) return;
    }
  }

  void deliver(Direction& direction, PacketSocket& socket) {
    std::array<HeldFrame, PacketSocket::kBatch> due;
    for (std::size_t count = due.size(); count == due.size();) {
      TimePoint now = read_clock();
      count = 0;
      for (std::optional<HeldFrame> frame; count < due.size() && (frame = direction.take_due(now)).has_value();) {
        due[count++] = *frame;
      }
      if (count > 0) socket.send(pool_, direction.statistics(), std::span(due).first(count));
      for (std::size_t i = 0; i < count; ++i) pool_.release(due[i].index);
    }
  }

  std::string obey(std::string_view command) {
    Outcome outcome = apply_command(link_, read_clock(), command);
    if (!outcome.error.empty()) return "{\"error\":\"" + escape(outcome.error) + "\"}\n";
    if (outcome.wants_stats) {
      collect_drops();
      return describe(link_, read_clock() - start_);
    }
    return "{\"ok\":true}\n";
  }

  static std::string escape(std::string_view text) {
    std::string out;
    for (char c : text) {
      if (c == '"' || c == '\\') out += '\\';
      out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    return out;
  }

  // Returns false at the end of the input.
  bool obey_standard_input() {
    std::array<char, 4096> chunk;
    ssize_t size = read(STDIN_FILENO, chunk.data(), chunk.size());
    if (size <= 0) return size < 0 && (errno == EAGAIN || errno == EINTR);
    input_.append(chunk.data(), static_cast<std::size_t>(size));
    for (std::size_t end; (end = input_.find('\n')) != input_.npos; input_.erase(0, end + 1)) {
      print(obey(std::string_view(input_).substr(0, end)));
    }
    if (input_.size() > chunk.size()) input_.clear();  // no command is that long
    return true;
  }

  void obey_datagrams() {
    std::array<char, 4096> datagram;
    sockaddr_un sender{};
    socklen_t size = sizeof(sender);
    ssize_t length =
        recvfrom(control_, datagram.data(), datagram.size(), 0, reinterpret_cast<sockaddr*>(&sender), &size);
    if (length < 0) return;
    std::string reply = obey(std::string_view(datagram.data(), static_cast<std::size_t>(length)));
    if (size > sizeof(sa_family_t)) {
      sendto(control_, reply.data(), reply.size(), MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&sender), size);
    }
  }

  void collect_drops() {
    left_.collect_kernel_drops(link_.forward.statistics());
    right_.collect_kernel_drops(link_.backward.statistics());
  }

  void report() {
    collect_drops();
    print(describe(link_, read_clock() - start_));
  }

  const Options& options_;
  FramePool pool_;
  Link link_;
  PacketSocket left_, right_;
  TimePoint start_;
  int control_ = -1;
  std::string input_;
};

int run(int argc, char** argv) {
  Options options = read_options(argc, argv);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  // A pipe whose reader sleeps must not stop the link; a terminal's mode is not ours to change.
  struct stat out {};
  if (fstat(STDOUT_FILENO, &out) == 0 && S_ISFIFO(out.st_mode)) {
    fcntl(STDOUT_FILENO, F_SETFL, fcntl(STDOUT_FILENO, F_GETFL) | O_NONBLOCK);
  }
  prctl(PR_SET_TIMERSLACK, 10'000);  // nanoseconds: the default 50 µs would show as jitter
  auto emulator = std::make_unique<Emulator>(options);
  // Woken late it is a worse link than it says: where it may, it goes before the others. It never spins.
  const sched_param first{.sched_priority = 1};
  sched_setscheduler(0, SCHED_FIFO, &first);
  emulator->run(signals);
  return 0;
}

}  // namespace
}  // namespace tributary::link

int main(int argc, char** argv) {
  try {
    return tributary::link::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tributary-link: %s\n", error.what());
    return 1;
  }
}
