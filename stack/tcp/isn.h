// Initial sequence numbers (RFC 6528) and timestamp offsets (RFC 7323 §7.1): a pseudorandom function of the 4-tuple
// plus a clock. What one connection shows of it must tell nothing of another's, which a hash for buckets cannot
// promise.
#pragma once

#include "stack/base/random.h"
#include "stack/base/seq_num.h"
#include "stack/base/sip_hash.h"
#include "stack/base/units.h"
#include "stack/flow/flow_key.h"

namespace tributary::tcp {

class IsnGenerator {
 public:
  explicit IsnGenerator(RandomSource& random) : secret_(draw_sip_key(random)) {}
  /// Clock-driven (one step every 4 microseconds, MUST-8) and unguessable without the secret.
  SeqNum initial_sequence(const FlowKey& key, Micros now) const;
  /// Per 4-tuple offset of the timestamp clock.
  uint32_t timestamp_offset(const FlowKey& key) const;

 private:
  SipKey secret_;
};

}  // namespace tributary::tcp
