// Which frames a path that died for one address swallows.
#include "testbed/link/frame_filter.h"

#include <gtest/gtest.h>

#include <vector>

#include "testbed/link/link.h"

namespace tributary::link {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes make_frame(std::initializer_list<Bytes> parts) {
  Bytes frame(12, 0x02);
  for (const Bytes& part : parts) frame.insert(frame.end(), part.begin(), part.end());
  return frame;
}

Bytes ipv4_to(std::array<std::uint8_t, 4> destination) {
  Bytes header(20);
  header[0] = 0x45;
  std::copy(destination.begin(), destination.end(), header.begin() + 16);
  return header;
}

Bytes ipv6_to(const Address& destination) {
  Bytes header(40);
  header[0] = 0x60;
  std::copy(destination.begin(), destination.end(), header.begin() + 24);
  return header;
}

TEST(LinkFilter, Ipv4DestinationIsSwallowed) {
  FrameFilter filter;
  ASSERT_TRUE(filter.add(*parse_address("192.0.2.1")));
  EXPECT_TRUE(filter.swallows(make_frame({{0x08, 0x00}, ipv4_to({192, 0, 2, 1})})));
  EXPECT_FALSE(filter.swallows(make_frame({{0x08, 0x00}, ipv4_to({192, 0, 2, 2})})));
}

TEST(LinkFilter, Ipv6DestinationIsSwallowed) {
  FrameFilter filter;
  ASSERT_TRUE(filter.add(*parse_address("2001:db8::1")));
  EXPECT_TRUE(filter.swallows(make_frame({{0x86, 0xdd}, ipv6_to(*parse_address("2001:db8::1"))})));
  EXPECT_FALSE(filter.swallows(make_frame({{0x86, 0xdd}, ipv6_to(*parse_address("2001:db8::2"))})));
}

TEST(LinkFilter, TagsAreLookedThrough) {
  FrameFilter filter;
  ASSERT_TRUE(filter.add(*parse_address("192.0.2.1")));
  Bytes inner = ipv4_to({192, 0, 2, 1});
  EXPECT_TRUE(filter.swallows(make_frame({{0x81, 0, 0, 5, 0x08, 0}, inner})));
  EXPECT_TRUE(filter.swallows(make_frame({{0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 0x08, 0}, inner})));
  EXPECT_FALSE(filter.swallows(make_frame({{0x81, 0, 0, 5, 0x81, 0, 0, 5, 0x81, 0, 0, 6, 0x08, 0}, inner})));
}

TEST(LinkFilter, OtherAndTruncatedFramesPass) {
  FrameFilter filter;
  ASSERT_TRUE(filter.add(*parse_address("192.0.2.1")));
  Bytes whole = make_frame({{0x81, 0, 0, 5, 0x08, 0}, ipv4_to({192, 0, 2, 1})});
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(filter.swallows(std::span(whole).first(length))) << length;
  }
  EXPECT_FALSE(filter.swallows(make_frame({{0x08, 0x06}, Bytes(28)})));
}

TEST(LinkFilter, NonsenseIsNoAddress) {
  for (const char* text : {"", "192.0.2", "192.0.2.256", "2001:db8::g", "none"})
    EXPECT_FALSE(parse_address(text)) << text;
}

TEST(LinkFilter, ASwallowedFrameIsCountedAndItsBufferFreed) {
  FramePool pool(4, 64);
  Link link(pool, 1);
  ASSERT_TRUE(link.filter.add(*parse_address("192.0.2.1")));
  Bytes bytes = make_frame({{0x08, 0x00}, ipv4_to({192, 0, 2, 1})});
  FrameIndex frame = *pool.take();
  std::copy(bytes.begin(), bytes.end(), pool.bytes(frame).begin() + 4);
  offer(link, link.forward, TimePoint{0}, {frame, static_cast<std::uint32_t>(bytes.size()), 4});
  EXPECT_EQ(link.forward.statistics().drops_for(Drop::kFilter), 1u);
  EXPECT_EQ(pool.count_free(), 4u);
  EXPECT_FALSE(next_deadline(link));
}

}  // namespace
}  // namespace tributary::link
