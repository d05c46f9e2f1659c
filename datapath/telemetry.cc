#include "datapath/telemetry.h"

#include <rte_telemetry.h>

#include <map>
#include <mutex>

namespace tributary::datapath {
namespace {

// The library passes no argument to a handler but the command, so handlers are found by it.
struct Registry {
  std::mutex mutex;
  std::map<std::string, TelemetryCommand, std::less<>> commands;
};
Registry& registry() {
  static Registry instance;
  return instance;
}

std::string shorten(const std::string& text) {
  return text.substr(0, RTE_TEL_MAX_STRING_LEN - 1);
}

void fill(rte_tel_data* out, const TelemetryValue::Members& members);

void add_member(rte_tel_data* out, const std::string& name, const TelemetryValue& member) {
  if (const auto* number = std::get_if<uint64_t>(&member.value)) {
    rte_tel_data_add_dict_u64(out, name.c_str(), *number);
  } else if (const auto* text = std::get_if<std::string>(&member.value)) {
    rte_tel_data_add_dict_string(out, name.c_str(), shorten(*text).c_str());
  } else {
    rte_tel_data* node = rte_tel_data_alloc();
    if (node == nullptr) return;
    fill(node, std::get<TelemetryValue::Members>(member.value));
    // A refused container (impossible name, too many members) stays ours.
    if (rte_tel_data_add_dict_container(out, name.c_str(), node, 0) != 0) rte_tel_data_free(node);
  }
}

void fill(rte_tel_data* out, const TelemetryValue::Members& members) {
  rte_tel_data_start_dict(out);
  for (const auto& [name, member] : members) add_member(out, name, member);
}

int handle(const char* path, const char* parameters, rte_tel_data* out) {
  TelemetryCommand command;
  {
    Registry& r = registry();
    const std::lock_guard lock(r.mutex);
    const auto found = r.commands.find(std::string_view(path));
    if (found == r.commands.end()) return -1;
    command = found->second;
  }
  const TelemetryValue reply = command(parameters == nullptr ? "" : parameters);
  if (const auto* text = std::get_if<std::string>(&reply.value)) return rte_tel_data_string(out, text->c_str());
  TelemetryValue::Members members;
  if (const auto* several = std::get_if<TelemetryValue::Members>(&reply.value))
    members = *several;
  else
    members.emplace_back("value", reply);
  fill(out, members);
  return 0;
}

}  // namespace

TelemetryValue& TelemetryValue::add(std::string name, TelemetryValue member) {
  std::get<Members>(value).emplace_back(std::move(name), std::move(member));
  return *this;
}

size_t TelemetryValue::json_size() const {
  if (std::holds_alternative<uint64_t>(value)) return 20;
  if (const auto* text = std::get_if<std::string>(&value)) return 2 * text->size() + 2;  // all of it escaped
  size_t size = 2;
  for (const auto& [name, member] : std::get<Members>(value)) size += name.size() + 4 + member.json_size();
  return size;
}

bool register_telemetry(const std::string& path, const std::string& help, TelemetryCommand command) {
  Registry& r = registry();
  const std::lock_guard lock(r.mutex);
  const bool known = r.commands.contains(path);
  r.commands[path] = std::move(command);
  return known || rte_telemetry_register_cmd(path.c_str(), handle, help.c_str()) == 0;
}

}  // namespace tributary::datapath
