// Tells systemd how far we are (sd_notify(3), Type=notify). Does nothing without a service manager.
#pragma once

#include <string_view>

namespace tributary {

/// "READY=1", "STOPPING=1".
void notify_service_manager(std::string_view state);

}  // namespace tributary
