#include "tests/wire/capture_reader.h"

#include <pcap/pcap.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <memory>
#include <stdexcept>

#include "stack/wire/byte_order.h"
#include "stack/wire/ethernet.h"

namespace tributary::test {

namespace {

// LINKTYPE_LINUX_SLL2: protocol(2) reserved(2) interface(4) ARPHRD(2) packet type(1) address length(1)
// address(8).
constexpr size_t kCookedSize = 20;

CapturedPacket strip_cooked(std::span<const uint8_t> frame) {
  if (frame.size() < kCookedSize) throw std::runtime_error("cut cooked header");
  CapturedPacket packet;
  packet.ether_type = wire::load16(&frame[0]);
  if (frame[11] == 6) std::memcpy(packet.sender.bytes.data(), &frame[12], 6);
  packet.bytes.assign(frame.begin() + kCookedSize, frame.end());
  return packet;
}

CapturedPacket strip_ethernet(std::span<const uint8_t> frame) {
  const auto header = wire::parse_ethernet(frame);
  if (!header) throw std::runtime_error("cut Ethernet header");
  const auto rest = frame.subspan(header->size());
  return {header->type, header->source, {rest.begin(), rest.end()}};
}

}  // namespace

std::vector<CapturedPacket> read_capture(const std::string& path) {
  char error[PCAP_ERRBUF_SIZE] = "";
  const std::unique_ptr<pcap_t, decltype(&pcap_close)> file(pcap_open_offline(path.c_str(), error), pcap_close);
  if (file == nullptr) throw std::runtime_error(path + ": " + error);
  const int link_type = pcap_datalink(file.get());
  if (link_type != DLT_EN10MB && link_type != DLT_LINUX_SLL2)
    throw std::runtime_error(path + ": link type " + std::to_string(link_type));

  std::vector<CapturedPacket> packets;
  pcap_pkthdr* header;
  const uint8_t* data;
  int result;
  while ((result = pcap_next_ex(file.get(), &header, &data)) == 1) {
    if (header->caplen != header->len) throw std::runtime_error(path + ": cut packet");
    const std::span<const uint8_t> frame(data, header->caplen);
    packets.push_back(link_type == DLT_EN10MB ? strip_ethernet(frame) : strip_cooked(frame));
  }
  if (result != PCAP_ERROR_BREAK) throw std::runtime_error(path + ": " + pcap_geterr(file.get()));
  return packets;
}

std::vector<std::string> list_captures() {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(TRIBUTARY_TEST_DATA "/pcaps"))
    if (entry.path().extension() == ".pcap") paths.push_back(entry.path());
  std::ranges::sort(paths);
  return paths;
}

}  // namespace tributary::test
