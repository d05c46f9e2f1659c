#include "tests/sim/capture.h"

#include <cstdlib>
#include <stdexcept>

namespace tributary::sim {
namespace {
constexpr uint32_t kMagic = 0xa1b2c3d4;
constexpr uint32_t kSnapLength = 65535;
constexpr uint32_t kLinkTypeEthernet = 1;

template <typename T>
void put(std::ofstream& out, T value) {
  out.write(reinterpret_cast<const char*>(&value), sizeof value);
}
}  // namespace

std::unique_ptr<Capture> Capture::from_environment(const std::string& name) {
  const char* directory = std::getenv("TRIBUTARY_SIM_PCAP");
  if (directory == nullptr || *directory == 0) return nullptr;
  return std::make_unique<Capture>(std::string(directory) + "/" + name + ".pcap");
}

Capture::Capture(const std::string& file) : out_(file, std::ios::binary | std::ios::trunc) {
  if (!out_) throw std::runtime_error("cannot write " + file);
  put(out_, kMagic);
  put(out_, uint16_t{2});  // version 2.4
  put(out_, uint16_t{4});
  put(out_, uint32_t{0});  // time zone
  put(out_, uint32_t{0});  // accuracy
  put(out_, kSnapLength);
  put(out_, kLinkTypeEthernet);
}

void Capture::write(Micros now, std::span<const uint8_t> frame) {
  constexpr int64_t kMicrosPerSecond = 1'000'000;
  put(out_, static_cast<uint32_t>(now.count() / kMicrosPerSecond));
  put(out_, static_cast<uint32_t>(now.count() % kMicrosPerSecond));
  put(out_, static_cast<uint32_t>(frame.size()));
  put(out_, static_cast<uint32_t>(frame.size()));
  out_.write(reinterpret_cast<const char*>(frame.data()), static_cast<std::streamsize>(frame.size()));
}

}  // namespace tributary::sim
