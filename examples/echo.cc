// An MPTCP echo server on a DPDK port: a whole program on the public headers.
//
//   echo DEVICE ADDRESS/LENGTH PORT      echo net_af_packet0,iface=veth1 10.1.0.1/24 7
//
// Every connection gets back what it sends; MPTCP clients may use as many subflows as they like. Ends on SIGINT or
// SIGTERM.
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tributary/datapath.h"
#include "tributary/stack.h"

namespace {

using namespace tributary;

/// Accepts everybody and hands packets back as they are: no byte is copied.
class Echo : public Acceptor, public StreamUser {
 public:
  void attach(Stack& stack) { stack_ = &stack; }

  void on_incoming(IncomingConnection incoming) override { stack_->accept(incoming.stream, 0); }
  void on_incoming_again(ByteStream, uint64_t) override {}

  void on_stream(ByteStream stream, uint64_t, uint16_t events) override {
    // What has come back to the client makes room for more from it.
    if (events & kStreamAcked) stack_->release(stream, stack_->take_acked(stream));
    if (events & kStreamReadable) stack_->write(stream, stack_->read(stream, UINT32_MAX));
    if (stack_->at_end(stream)) stack_->close(stream);
  }

 private:
  Stack* stack_ = nullptr;
};

/// Nothing here acts by the clock.
class NoHook : public datapath::PassHook {
  void on_pass(Micros) override {}
  Micros next_deadline() const override { return Micros::never(); }
};

datapath::Worker* running = nullptr;

void stop(int) {
  running->stop();
}

int fail(const std::string& reason) {
  std::cerr << "echo: " << reason << "\n";
  return 1;
}

std::optional<IpPrefix> parse_prefix(const std::string& text) {
  const size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  const int length = slash == std::string::npos ? -1 : std::atoi(text.c_str() + slash + 1);
  if (!address || length < 0 || length > 128) return std::nullopt;
  return IpPrefix{*address, static_cast<uint8_t>(length)};
}

int serve(const std::string& device_text, const IpPrefix& address, uint16_t tcp_port) {
  std::string error;
  const auto device = datapath::parse_device(device_text, error);
  if (!device) return fail(error);
  datapath::EalOptions eal_options;
  eal_options.file_prefix = "tributary-echo";
  eal_options.runtime_dir = "/run/tributary";
  eal_options.devices = {*device};
  auto eal = datapath::Eal::start(eal_options, error);
  if (!eal) return fail(error);

  const char* reason = "";
  const auto pools = PacketPools::create({}, "echo", &reason);
  if (pools == nullptr) return fail(reason);
  PacketPools* const of_workers[] = {pools.get()};
  std::vector<std::unique_ptr<datapath::Port>> ports;
  datapath::PortOptions port_options;
  port_options.name = "port";
  port_options.device = *device;
  ports.push_back(datapath::Port::open(port_options, of_workers, error));
  if (ports[0] == nullptr) return fail(error);

  datapath::Clock clock;
  datapath::OsRandom random;
  Counters counters;
  FrameQueues frames(ports.size());
  ip::IpLayer ip(*pools, frames, random, counters, {});
  const datapath::PortFacts& facts = ports[0]->facts();
  ip::InterfaceConfig link;
  link.name = facts.name;
  link.mac = facts.mac;
  link.addresses = {address};
  link.offloads = facts.offloads;
  const auto interface = ip.add_interface(link, error);
  if (!interface) return fail(error);

  Echo echo;
  Stack stack(*pools, ip, frames, random, counters, Settings(), echo, clock.now());
  echo.attach(stack);
  Listener listener;
  listener.interfaces = {*interface};
  listener.port = tcp_port;
  listener.acceptor = &echo;
  stack.add_listener(std::move(listener));

  NoHook hook;
  datapath::Worker worker({}, stack, frames, counters, ports, clock, hook);
  running = &worker;
  std::signal(SIGINT, stop);
  std::signal(SIGTERM, stop);
  std::cout << "echo: port " << tcp_port << " of " << address.to_string() << " on " << device_text << std::endl;
  worker.run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const auto address = argc == 4 ? parse_prefix(argv[2]) : std::nullopt;
  const int port = argc == 4 ? std::atoi(argv[3]) : 0;
  if (!address || port <= 0 || port > 65535) {
    std::cerr << "usage: echo DEVICE ADDRESS/LENGTH PORT\n";
    return 2;
  }
  return serve(argv[1], *address, static_cast<uint16_t>(port));
}
