#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <thread>

#include "src/ctl/client.h"
#include "src/ctl/format.h"
#include "src/ctl/table.h"

namespace tributary::ctl {
namespace {

TEST(Format, Bytes) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(999), "999 B");
  EXPECT_EQ(format_bytes(1000), "1.0 kB");
  EXPECT_EQ(format_bytes(999'949), "999.9 kB");
  EXPECT_EQ(format_bytes(999'960), "1.0 MB");
  EXPECT_EQ(format_bytes(67'108'864), "67.1 MB");
  EXPECT_EQ(format_bytes(UINT64_MAX), "18.4 EB");
}

TEST(Format, Times) {
  EXPECT_EQ(format_micros(0), "-");
  EXPECT_EQ(format_micros(950), "950 us");
  EXPECT_EQ(format_micros(10'240), "10.2 ms");
  EXPECT_EQ(format_micros(1'500'000), "1.5 s");
  EXPECT_EQ(format_age(59), "59 s");
  EXPECT_EQ(format_age(200), "3 m 20 s");
  EXPECT_EQ(format_age(7500), "2 h 5 m");
  EXPECT_EQ(format_age(273'600), "3 d 4 h");
}

TEST(Table, AlignsColumnsByCharacters) {
  Table table({{"A"}, {"B", Align::kRight}, {"C"}});
  table.add_row({"é", "1", "x"});
  table.add_row({"long", "1000"});
  EXPECT_EQ(table.to_string(),
            "A        B  C\n"
            "é        1  x\n"
            "long  1000\n");
}

TEST(RestoreLists, NumberedMembersBecomeAList) {
  const Json reply = Json::parse(R"({"total": 2, "connections": {"c0": {"subflows": {"s0": {"x": 1}, "s1": {"x": 2}}},
                                     "c1": {"subflows": {}}}, "other": {"s1": 1}, "empty": {}})");
  EXPECT_EQ(
      restore_lists(reply).dump(),
      R"({"total":2,"connections":[{"subflows":[{"x":1},{"x":2}]},{"subflows":[]}],"other":{"s1":1},"empty":{}})");
}

Json make_connection() {
  return Json::parse(R"({"id": 7, "listener": "transparent", "age_s": 65,
    "access": {"mptcp": 1, "fallback": 0, "bytes_received": 100, "bytes_sent": 2000, "subflows": [
      {"local": "192.0.2.80:80", "remote": "10.1.0.2:40000", "state": "ESTABLISHED", "bytes_received": 60,
       "bytes_sent": 1500, "srtt_us": 20500, "rto_us": 220000, "cwnd": 14480, "in_flight": 2896, "retransmissions": 3,
       "backup": 0, "stale": 0},
      {"local": "192.0.2.80:80", "remote": "10.2.0.2:40001", "state": "ESTABLISHED", "bytes_received": 40,
       "bytes_sent": 500, "srtt_us": 60100, "rto_us": 260000, "cwnd": 14480, "in_flight": 0, "retransmissions": 0,
       "backup": 1, "stale": 0}]},
    "server": {"mptcp": 0, "fallback": 0, "subflows": []}})");
}

TEST(FormatConnections, OneLineASubflowAndAWordForALegWithout) {
  const std::string text = format_connections(Json::array({make_connection()}));
  // clang-format off
  EXPECT_EQ(text, R"(ID  LISTENER         AGE  LEG     LOCAL          REMOTE          STATE        RECEIVED    SENT     SRTT       RTO     CWND  IN FLIGHT  RETRANS  FLAGS
 7  transparent  1 m 5 s  access  192.0.2.80:80  10.1.0.2:40000  ESTABLISHED      60 B  1.5 kB  20.5 ms  220.0 ms  14.5 kB     2.9 kB        3  mptcp
                          access  192.0.2.80:80  10.2.0.2:40001  ESTABLISHED      40 B   500 B  60.1 ms  260.0 ms  14.5 kB        0 B        0  mptcp,backup
                          server  -              -               no path           0 B     0 B
)");
  // clang-format on
  EXPECT_EQ(format_connections(Json::array()), "no connections\n");
}

TEST(FormatCounters, ZerosAreLeftOutUnlessWanted) {
  const Json counters = Json::parse(R"({"RxFrames": 12, "TxDropped": 0, "FromTheFuture": 3})");
  EXPECT_EQ(format_counters(counters, false),
            "COUNTER        VALUE  MEANING\n"
            "RxFrames          12  Frames taken from ports.\n"
            "FromTheFuture      3\n");
  EXPECT_NE(format_counters(counters, true).find("TxDropped"), std::string::npos);
  EXPECT_EQ(format_counters(Json::object(), false), "every counter is zero\n");
}

TEST(FormatStatus, AReplyWithoutMembersIsStillPrinted) {
  const std::string text = format_status(Json::object());
  EXPECT_NE(text.find("PORT"), std::string::npos);
  EXPECT_NE(text.find("0 relayed"), std::string::npos);
}

// A telemetry socket that answers each message with a canned reply.
class FakeDaemon {
 public:
  FakeDaemon(const std::filesystem::path& path, std::vector<std::string> replies) {
    std::filesystem::create_directories(path.parent_path());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.string().size());
    listener_ = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(listener_, 1), 0);
    thread_ = std::thread([this, replies = std::move(replies)] {
      const int fd = accept(listener_, nullptr, nullptr);
      for (const std::string& reply : replies) {
        if (send(fd, reply.data(), reply.size(), MSG_NOSIGNAL) < 0) break;
        std::array<char, 256> message;
        const ssize_t size = recv(fd, message.data(), message.size(), 0);
        if (size <= 0) break;
        asked_.emplace_back(message.data(), static_cast<size_t>(size));
      }
      close(fd);
    });
  }
  ~FakeDaemon() {
    if (thread_.joinable()) thread_.join();
    close(listener_);
  }
  const std::vector<std::string>& join() {
    thread_.join();
    return asked_;
  }

 private:
  int listener_;
  std::vector<std::string> asked_;
  std::thread thread_;
};

class ClientTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/tributary-ctl-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    directory_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::filesystem::path socket_of(const std::string& prefix) const {
    return directory_ / "dpdk" / prefix / "dpdk_telemetry.v2";
  }
  std::filesystem::path directory_;
};

TEST_F(ClientTest, AsksAndUnwrapsReplies) {
  FakeDaemon daemon(socket_of("a"),
                    {R"({"version":"DPDK","pid":42})", R"({"/tributary/status":{"uptime_s":9}})",
                     R"({"/tributary/nothing":null})", R"({"/tributary/connection":{"error":"gone"}})", "no json"});
  std::string error;
  const auto path = find_socket(directory_, {}, error);
  ASSERT_TRUE(path) << error;
  {
    auto client = Client::connect(*path, error);
    ASSERT_TRUE(client) << error;
    EXPECT_EQ(client->greeting()["pid"], 42);
    EXPECT_EQ(client->ask("/tributary/status", error).value()["uptime_s"], 9);
    EXPECT_FALSE(client->ask("/tributary/nothing", error));
    EXPECT_EQ(error, "the daemon does not answer /tributary/nothing");
    EXPECT_FALSE(client->ask("/tributary/connection,5", error));
    EXPECT_EQ(error, "gone");
    EXPECT_FALSE(client->ask("/tributary/status", error));
    EXPECT_EQ(error, "the reply is no JSON");
  }
  EXPECT_EQ(daemon.join().at(2), "/tributary/connection,5");
}

TEST_F(ClientTest, WithoutADaemonItSaysSo) {
  std::string error;
  EXPECT_FALSE(find_socket(directory_, {}, error));
  EXPECT_EQ(error, "no tributaryd runs with control.socket_dir = \"" + directory_.string() + "\"");
  EXPECT_FALSE(Client::connect(socket_of("a"), error));
  EXPECT_NE(error.find("nobody answers"), std::string::npos);
}

TEST_F(ClientTest, SeveralInstancesAskForAChoice) {
  FakeDaemon a(socket_of("a"), {});
  FakeDaemon b(socket_of("b"), {});
  std::string error;
  EXPECT_FALSE(find_socket(directory_, {}, error));
  EXPECT_NE(error.find("--file-prefix"), std::string::npos);
  EXPECT_EQ(find_socket(directory_, "b", error), socket_of("b").string());
  // Lets the two threads end.
  for (const char* name : {"a", "b"}) (void)Client::connect(socket_of(name), error);
}

}  // namespace
}  // namespace tributary::ctl
