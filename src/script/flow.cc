#include "src/script/flow.h"

#include "src/script/outcome.h"
#include "stack/mptcp/crypto.h"

namespace tributary::script {

uint64_t MptcpNames::stack_idsn() const {
  return stack_key ? mptcp::digest_key(*stack_key).idsn.raw() : 0;
}
uint64_t MptcpNames::peer_idsn() const {
  return peer_key ? mptcp::digest_key(*peer_key).idsn.raw() : 0;
}
uint64_t MptcpNames::idsn_of(const std::string& name) const {
  const auto found = keys.find(name);
  if (found == keys.end()) fail("no key is named \"" + name + "\" yet");
  return mptcp::digest_key(Key{found->second}).idsn.raw();
}

uint8_t MptcpNames::id_of(const IpAddress& address) {
  const auto [entry, fresh] = address_ids.try_emplace(address, static_cast<uint8_t>(address_ids.size()));
  return entry->second;
}

}  // namespace tributary::script
