#include "src/config/schema.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>

#include "src/config/loader.h"
#include "stack/ip/config.h"
#include "stack/settings.h"

namespace tributary::config {
namespace {

TEST(Schema, EveryOptionIsDescribed) {
  for (const Section& section : all_sections()) {
    EXPECT_FALSE(section.meaning.empty()) << section.name;
    std::set<std::string_view> keys;
    for (const Option& option : section.options) {
      EXPECT_TRUE(keys.insert(option.key).second) << section.name << "." << option.key << " is there twice";
      EXPECT_FALSE(option.meaning.empty()) << section.name << "." << option.key;
      EXPECT_FALSE(option.fallback.empty()) << section.name << "." << option.key;
      if (option.list && option.fallback != kRequired) {
        EXPECT_EQ(option.fallback, "[]") << section.name << "." << option.key << ": lists have no other default";
      }
      if (option.type == Type::kInteger || option.type == Type::kBytes) {
        EXPECT_LT(option.min, option.max) << section.name << "." << option.key;
      }
      if (option.type == Type::kChoice) {
        EXPECT_GE(option.choices.size(), 2u) << section.name << "." << option.key;
      }
      // A section that may be left out cannot demand a key.
      if (!section.repeated) {
        EXPECT_NE(option.fallback, kRequired) << section.name << "." << option.key;
      }
    }
  }
}

TEST(Schema, DefaultsAreThoseOfTheStack) {
  Diagnostics diagnostics("t.toml");
  const auto config = read_config("", diagnostics);
  ASSERT_TRUE(config);
  const Settings settings;
  EXPECT_EQ(config->worker.max_subflows, settings.max_subflows);
  EXPECT_EQ(config->worker.max_connections, settings.max_connections);
  EXPECT_EQ(config->worker.max_half_open, settings.max_half_open);
  EXPECT_EQ(config->worker.syn_cookies_from, settings.syn_cookies_from);
  EXPECT_EQ(config->worker.max_fast_open, settings.max_fast_open);
  EXPECT_EQ(config->worker.fast_open_cache, settings.fast_open_cache);
  EXPECT_EQ(config->worker.max_time_wait, settings.max_time_wait);
  EXPECT_EQ(config->worker.fragmented_packets, ip::Limits().fragmented_packets);
  EXPECT_EQ(Micros::milliseconds(config->tcp.initial_rto_ms), settings.initial_rto);
  EXPECT_EQ(Micros::milliseconds(config->tcp.min_rto_ms), settings.min_rto);
  EXPECT_EQ(Micros::milliseconds(config->tcp.max_rto_ms), settings.max_rto);
  EXPECT_EQ(Micros::milliseconds(config->tcp.delayed_ack_ms), settings.delayed_ack);
  EXPECT_EQ(Micros::seconds(config->tcp.time_wait_s), settings.time_wait);
  EXPECT_EQ(Micros::seconds(config->tcp.fin_wait2_s), settings.fin_wait2);
  EXPECT_EQ(config->tcp.syn_retries, settings.syn_retries);
  EXPECT_EQ(config->tcp.syn_ack_retries, settings.syn_ack_retries);
  EXPECT_EQ(config->tcp.data_retries, settings.data_retries);
  EXPECT_EQ(config->tcp.window_scale, settings.window_scale);
  EXPECT_EQ(config->tcp.max_out_of_order, settings.max_out_of_order);
  EXPECT_EQ(Micros::milliseconds(config->tcp.invalid_ratelimit_ms), settings.invalid_ratelimit);
  EXPECT_EQ(config->tcp.receive_budget, settings.receive_budget);
  EXPECT_EQ(config->tcp.first_ephemeral_port, settings.first_ephemeral_port);
  EXPECT_EQ(config->tcp.last_ephemeral_port, settings.last_ephemeral_port);
  EXPECT_EQ(config->mptcp.enabled, settings.mptcp_enabled);
  EXPECT_EQ(config->mptcp.checksum, settings.mptcp_checksum);
  EXPECT_EQ(config->mptcp.max_subflows, settings.max_subflows_per_connection);
  EXPECT_EQ(Micros::seconds(config->mptcp.close_timeout_s), settings.close_timeout);
  EXPECT_EQ(Micros::seconds(config->mptcp.join_timeout_s), settings.join_timeout);
}

TEST(Schema, TheDocumentationIsWhatTheTableSays) {
  std::ifstream file(CONFIGURATION_DOC);
  ASSERT_TRUE(file) << CONFIGURATION_DOC;
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  const std::string begin = "<!-- options: begin, from tributaryd --explain-config -->\n";
  const std::string end = "<!-- options: end -->";
  const size_t from = text.find(begin);
  const size_t to = text.find(end);
  ASSERT_NE(from, std::string::npos);
  ASSERT_NE(to, std::string::npos);
  const size_t start = from + begin.size();
  EXPECT_EQ(text.substr(start, to - start), explain_options())
      << "put the output of `tributaryd --explain-config` between the two marks";
}

}  // namespace
}  // namespace tributary::config
