// What a configuration says as a whole: names that must exist or be unique, addresses used twice, gateways
// off the link, memory that does not suffice. Each value for itself has been checked before (loader.h).
#pragma once

#include "src/config/config.h"
#include "src/config/diagnostics.h"

namespace tributary::config {

void check_meaning(const Config& config, Diagnostics& diagnostics);

}  // namespace tributary::config
