// The parser of packetdrill's language. Each function reads one construct at the cursor and throws
// ScriptError where the text does not go on as the language wants (failed) or asks for something this runner
// does not have (unsupported).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "src/script/ast.h"
#include "src/script/cursor.h"

namespace tributary::script {

/// The whole of `source`. `path` is for messages and for files named in commands. `defined`, each "NAME=VALUE", gives
/// words of it another meaning, as `--define=NAME=VALUE` in it does, which comes before.
Script parse_script(const std::string& path, std::string_view source, const std::vector<std::string>& defined = {});

/// From `<` or `>` to the end of the packet.
PacketSpec parse_packet(Cursor& cursor);
/// Between `<` and `>`, both taken.
std::vector<OptionSpec> parse_options(Cursor& cursor);
/// One MPTCP option whose name is at the cursor. Empty when the name is none.
std::optional<OptionSpec> parse_mptcp_option(Cursor& cursor);
/// `name(arguments) = result ERROR (note)`.
CallSpec parse_call(Cursor& cursor);
Expression parse_expression(Cursor& cursor);

}  // namespace tributary::script
