#include "stack/context.h"

namespace tributary {

Context::Context(PacketPools& packet_pools, ip::IpLayer& ip_layer, RandomSource& random_source, Counters& counter_set,
                 const Settings& s, Micros start)
    : pools(packet_pools),
      ip(ip_layer),
      random(random_source),
      counters(counter_set),
      settings(s),
      now(start),
      tcbs(s.max_subflows),
      flights(s.max_subflows),
      models(s.max_subflows),
      scoreboards(s.max_subflows),
      connections(s.max_connections),
      flows(s.max_subflows + s.max_time_wait),
      tokens(s.max_connections),
      flow_secret(random_source.u64()),
      wheel(start),
      pacing_wheel(start, tcp::kPacingTickShift),
      time_wait(s.max_time_wait, s.time_wait),
      isn(random_source),
      cookies(random_source),
      fast_open_keys(s.fast_open_keys, random_source),
      fast_open_cache(s.fast_open_cache, s.fast_open_pause, flow_secret),
      keys(random_source, s.worker, s.workers),
      answers(s.max_subflows),
      time_wait_answers(s.max_time_wait) {}

}  // namespace tributary
