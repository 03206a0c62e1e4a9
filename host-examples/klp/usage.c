/* SPDX-License-Identifier: Apache-2.0 */
#include "usage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "complain.h"

#define CONNECTION_HELP                                                                                                \
    "  --base-url URL      of the server; default: $KRATY_BASE_URL, else\n"                                            \
    "                      https://api.kraty.io. Plain http only to this machine\n"                                    \
    "  --ca-file FILE      trust these PEM certificates instead of the system's\n"                                     \
    "  --expect-environment live|test\n"                                                                               \
    "                      send nothing unless the API key is of this environment,\n"                                  \
    "                      and of the game of the lobby\n"

#define ATTEMPTS_HELP                                                                                                  \
    "  --attempts N        how often it is tried, the first time included; default\n"                                  \
    "                      4, at most 100\n"                                                                           \
    "  --jitter F          the random share of the wait between two attempts, which\n"                                 \
    "                      is 200 ms, then 400, 800 and so on; 0 to 1, default 1\n"                                    \
    "  --timeout-ms N      how long one attempt may take; default 15000, at most\n"                                    \
    "                      3600000\n"                                                                                  \
    "  --deadline-ms N     how long all of it may take, from the call to the verdict;\n"                               \
    "                      default: long enough for every attempt\n"

#define VERBOSE_HELP                                                                                                   \
    "  --verbose           tell each attempt on stderr, and whatever the library logs;\n"                              \
    "                      else there are only its warnings\n"                                                         \
    "  --help              this text\n"

#define ENVIRONMENT_HELP                                                                                               \
    "Environment:\n"                                                                                                   \
    "  KRATY_SERVER_KEY    the API key. It is never taken from the command line,\n"                                    \
    "                      which every user of the machine can read\n"                                                 \
    "  KRATY_BASE_URL      see --base-url\n"                                                                           \
    "  KLP_LIBRARY         the library's file, if it is not where the loader looks\n"

#define DOCUMENT_HELP                                                                                                  \
    "  --player-id-path P  open_match: where a ticket has its player's id, as\n"                                       \
    "                      search_fields.string_args.player_id\n"                                                      \
    "  --key-annotation A  agones_gameserver: the annotation that is the key\n"

static const char whole_text[] = "Usage: klp push --game ID --event KEY --key KEY --player ID... [OPTION]...\n"
                                 "       klp push --game ID [--event KEY] [OPTION]... < rosters.ndjson\n"
                                 "       klp push --game ID --event KEY --roster-format FORMAT [OPTION]... < document\n"
                                 "       klp read --game ID --lobby ID [OPTION]...\n"
                                 "       klp await --game ID --lobby ID [OPTION]...\n"
                                 "       klp ping [OPTION]...\n"
                                 "       klp call METHOD SEGMENT... [--body JSON] [OPTION]...\n"
                                 "       klp webhook verify --secret-env NAME... --signature HEADER [OPTION]...\n"
                                 "                          < body\n"
                                 "       klp outbox list|show|retry-now|drop|failed|requeue|drain --outbox DIR\n"
                                 "                          [OPTION]...\n"
                                 "       klp roster --format FORMAT [OPTION]... < document\n"
                                 "       klp doctor [OPTION]...\n"
                                 "       klp help [COMMAND], klp COMMAND --help, klp --version\n"
                                 "\n"
                                 "Pushes finished lobbies to Kraty, reads them back, waits until they are formed,\n"
                                 "checks the API key, makes any other call to the server API, checks webhooks,\n"
                                 "looks after outboxes, and examines what an integration stands on.\n"
                                 "What came of it goes to stdout, one JSON object a line; everything else goes to\n"
                                 "stderr.\n"
                                 "\n" ENVIRONMENT_HELP

                                 "\n"
                                 "Exit status:\n"
                                 "  0  applied; for what changes nothing: done\n"
                                 "  1  not applied; for what changes nothing: failed; also when stdout takes no\n"
                                 "     more\n"
                                 "  2  wrong usage or configuration; nothing was sent\n"
                                 "  3  possibly applied: sent, and no complete answer came back\n"
                                 "  For many rosters: 0 when all were applied, else 3 when one was possibly\n"
                                 "  applied, else 1.\n";

static const char push_text[] =
    "Usage: klp push --game ID --event KEY --key KEY --player ID... [OPTION]...\n"
    "       klp push --game ID [--event KEY] [OPTION]... < rosters.ndjson\n"
    "       klp push --game ID --event KEY --roster-format FORMAT [OPTION]... < document\n"
    "\n"
    "Pushes one lobby or, without --key, one for every line of stdin:\n"
    "  {\"key\": \"match-1\", \"players\": [\"alice\", \"bob\"], \"event\": \"duel\",\n"
    "   \"capacity\": 2, \"fill_bots\": false, \"metadata\": {}}\n"
    "The last four may be left out; event then is --event's. Blank lines are skipped.\n"
    "A line that is no such object is told on stderr with its number, counts as not\n"
    "applied, and keeps no other from being pushed; a line may have 2 MiB. An event's\n"
    "`cookie` is the number of its line. SIGINT and SIGTERM end the pushing; what was\n"
    "pushed by then is still told. At the end two lines on stderr sum up what became\n"
    "of them, and how long it took.\n"
    "With --roster-format stdin is one document of a matchmaker, and its roster is\n"
    "pushed (see klp help roster).\n"
    "\n"
    "  --game ID           the game's id\n"
    "  --event KEY         the event's key\n"
    "  --key KEY           your own id of the lobby; the same key again is the same\n"
    "                      lobby\n"
    "  --player ID         a player; once for each\n"
    "  --capacity N        instead of the event's\n"
    "  --fill-bots yes|no  instead of the event's\n"
    "  --metadata JSON     an object, kept with the lobby\n"
    "  --outbox DIR        write each push down there before it is sent, and keep it\n"
    "                      until its event was printed: what a kill leaves the next run\n"
    "                      goes on with, and tells. --attempts is then as many as fit\n"
    "                      into --deadline-ms, and that is two hours\n"
    "  --name NAME         of the pusher, in its events. A file in the outbox belongs to\n"
    "                      a name, so the next run has to have the same; default with\n"
    "                      --outbox: klp, else the host's name and the process id\n"
    "  --durable           take the next line of stdin only when this one is written\n"
    "                      down; needs --outbox\n"
    "  --outbox-sync full|normal\n"
    "                      what is written down outlasts the loss of power, or only the\n"
    "                      end of the process; default: full\n"
    "  --outbox-max-bytes N\n"
    "                      of its file; default 1 GiB, at least 1 MiB\n"
    "  --roster-format FORMAT\n"
    "                      what stdin is: flexmatch_event, photon_webhook, …\n" DOCUMENT_HELP
    "  --quiet             many: no progress and no summing up, only what went wrong\n"
    "  --grace-ms N        many: when the server refuses the API key, send nothing for\n"
    "                      so long before the next tries; default: all try at once\n" CONNECTION_HELP ATTEMPTS_HELP
        VERBOSE_HELP

    "An option's value may also follow a `=`: --capacity=8\n"
    "\n" ENVIRONMENT_HELP

    "\n"
    "Exit status:\n"
    "  0  applied          (many: all of them)\n"
    "  1  not applied      (many: at least one, and no other possibly); also when\n"
    "                      stdout takes no more, or a signal came before the last\n"
    "  2  wrong usage or configuration; nothing was sent\n"
    "  3  possibly applied (many: at least one): sent, and no complete answer came\n"
    "                      back; the same push again is safe. Or it is left in the\n"
    "                      outbox, and may be applied yet\n"
    "  With --outbox they are of all that was told, as for many.\n";

static const char read_text[] =
    "Usage: klp read --game ID --lobby ID [OPTION]...\n"
    "\n"
    "Reads one lobby.\n"
    "\n"
    "  --game ID           the game's id\n"
    "  --lobby ID          the server's id of the lobby\n" CONNECTION_HELP ATTEMPTS_HELP VERBOSE_HELP

    "An option's value may also follow a `=`: --lobby=lob_1\n"
    "\n" ENVIRONMENT_HELP

    "\n"
    "Exit status:\n"
    "  0  read\n"
    "  1  not read; also when stdout takes no more\n"
    "  2  wrong usage or configuration; nothing was sent\n";

static const char await_text[] =
    "Usage: klp await --game ID --lobby ID [OPTION]...\n"
    "\n"
    "Reads one lobby now and then, until it is no longer forming. Reads that fail in\n"
    "passing are made up for.\n"
    "\n"
    "  --game ID           the game's id\n"
    "  --lobby ID          the server's id of the lobby\n"
    "  --timeout-ms N      how long to wait in all (not: how long one attempt may\n"
    "                      take); default 60000, at most 604800000. The event then\n"
    "                      has the last state seen\n"
    "  --interval-ms N     between two looks; default 1000, 10 to 3600000\n" CONNECTION_HELP VERBOSE_HELP

    "An option's value may also follow a `=`: --lobby=lob_1\n"
    "\n" ENVIRONMENT_HELP

    "\n"
    "Exit status:\n"
    "  0  it is no longer forming: active, closed, or whatever it is by then\n"
    "  1  it still formed when the time was up, or it could not be read; also when\n"
    "     stdout takes no more, or a signal came first\n"
    "  2  wrong usage or configuration; nothing was sent\n";

static const char ping_text[] = "Usage: klp ping [OPTION]...\n"
                                "\n"
                                "Asks the server what it knows of the API key.\n"
                                "\n" CONNECTION_HELP ATTEMPTS_HELP VERBOSE_HELP

                                "An option's value may also follow a `=`: --timeout-ms=500\n"
                                "\n" ENVIRONMENT_HELP

                                "\n"
                                "Exit status:\n"
                                "  0  the key is good\n"
                                "  1  it is not, or no answer came; also when stdout takes no more\n"
                                "  2  wrong usage or configuration; nothing was sent\n";

static const char call_text[] =
    "Usage: klp call METHOD SEGMENT... [--body JSON] [OPTION]...\n"
    "\n"
    "Makes any other call to the server API: METHOD /server/v1/SEGMENT/SEGMENT/…\n"
    "METHOD is GET, POST, PUT, PATCH or DELETE. Each SEGMENT is percent-encoded, so a\n"
    "slash in one is part of it. Options may stand before or behind them; behind `--`\n"
    "nothing is an option.\n"
    "\n"
    "A POST, PUT or PATCH gets an `idempotencyKey`, unless its body has one, so that\n"
    "its retries have one effect. The same command again gets another key: give one of\n"
    "your own where that must not do it twice.\n"
    "\n"
    "  klp call POST players alice wallet gold credit \\\n"
    "      --body '{\"amount\": 5, \"reason\": \"x\", \"idempotencyKey\": \"order-77\"}'\n"
    "\n"
    "  --body JSON         an object, not with GET; `-`: stdin is (at most 1 MiB)\n" CONNECTION_HELP ATTEMPTS_HELP
        VERBOSE_HELP

    "An option's value may also follow a `=`: --timeout-ms=500\n"
    "\n" ENVIRONMENT_HELP

    "\n"
    "Exit status:\n"
    "  0  applied; for GET: done\n"
    "  1  not applied; for GET: failed; also when stdout takes no more\n"
    "  2  wrong usage or configuration; nothing was sent\n"
    "  3  possibly applied: sent, and no complete answer came back\n";

static const char webhook_verify_text[] =
    "Usage: klp webhook verify --secret-env NAME... --signature HEADER [OPTION]...\n"
    "                          < body\n"
    "\n"
    "Checks that a webhook comes from Kraty: that its body, the raw bytes on stdin (at\n"
    "most 1 MiB), was signed with the secret, and lately. Asks no server. Says\n"
    "{\"valid\":true}, or {\"valid\":false,\"reason\":\"…\"} and the reason on stderr, too.\n"
    "\n"
    "  --secret-env NAME   the environment variable that has the secret; again for its\n"
    "                      successor while it is being rotated, at most 16. A secret\n"
    "                      is never taken from the command line, which every user of\n"
    "                      the machine can read\n"
    "  --signature HEADER  the value of its X-Signature header\n"
    "  --tolerance-s N     how old it may be; default 300\n"
    "  --now UNIX_S        as if it were then; default: the system's clock\n"
    "  --help              this text\n"
    "An option's value may also follow a `=`: --tolerance-s=900\n"
    "\n"
    "Environment:\n"
    "  KLP_LIBRARY         the library's file, if it is not where the loader looks\n"
    "\n"
    "Exit status:\n"
    "  0  it comes from Kraty\n"
    "  1  it does not, or not lately; also when stdout takes no more\n"
    "  2  wrong usage or configuration; nothing was checked\n";

static const char outbox_text[] =
    "Usage: klp outbox list --outbox DIR [--json]\n"
    "       klp outbox show TICKET --outbox DIR [--json]\n"
    "       klp outbox retry-now [TICKET|--all] --outbox DIR\n"
    "       klp outbox drop TICKET --outbox DIR [--yes] [--ack]\n"
    "       klp outbox failed --outbox DIR [--json]\n"
    "       klp outbox requeue TICKET|--all --outbox DIR\n"
    "       klp outbox drain --outbox DIR [--deadline-ms N] [--ack] [OPTION]...\n"
    "\n"
    "Looks after what pushers have written down in a directory, a file each.\n"
    "\n"
    "  list       each file, whose it is and whether a pusher has it open; in it each\n"
    "             call without a verdict. One that was possibly applied has been sent,\n"
    "             or was on its way when its process ended\n"
    "  show       all of one ticket, its body included\n"
    "  failed     pushes that ended not applied, or possibly applied; kept for a week\n"
    "  retry-now  what waits for its next attempt is due at once\n"
    "  drop       gives a call up: it ends `cancelled`, possibly applied where it may\n"
    "             have been. Asks first\n"
    "  requeue    a push that failed is to be sent again, when its file is opened next:\n"
    "             one that was not applied with a fresh idempotency key, since the\n"
    "             server may have kept its answer to the old one; one that was possibly\n"
    "             applied as it was\n"
    "  drain      sends what is there, in the name of its pusher, until nothing is\n"
    "             without a verdict. Looks at the API key first: with one that the\n"
    "             server refuses nothing is sent\n"
    "\n"
    "The first three only look, beside a pusher that is at work. The others leave a\n"
    "file alone that a pusher has open, and say which. Verdicts of drop and drain go to\n"
    "stdout and stay in the file, too: they are for the pusher's own host.\n"
    "\n"
    "  --outbox DIR        the directory\n"
    "  --pusher NAME       only files of this pusher\n"
    "  --file FILE         only this one, by its name in the directory; not with drain\n"
    "  --json              a JSON object a line; `kind` is file, undecided, verdict or\n"
    "                      failed\n"
    "  --all               every ticket\n"
    "  --yes               drop: do not ask\n"
    "  --ack               drop, drain: acknowledge what was printed, in the place of its\n"
    "                      host, which will not be told\n"
    "  --deadline-ms N     drain: how long it may take in all; default: as long as\n"
    "                      the calls themselves have\n"
    "With drain also those of klp push for the connection and for one attempt:\n"
    "--base-url, --ca-file, --expect-environment, --attempts, --jitter, --timeout-ms,\n"
    "--verbose.\n"
    "  --help              this text\n"
    "An option's value may also follow a `=`: --outbox=/var/lib/klp\n"
    "\n" ENVIRONMENT_HELP

    "\n"
    "Exit status:\n"
    "  0  done; drain: nothing is left, and all was applied\n"
    "  1  not all of it: there is no such ticket, a file is in use or cannot be read;\n"
    "     drain: not applied, at least one; also when stdout takes no more\n"
    "  2  wrong usage or configuration, or an API key that is refused; nothing was sent\n"
    "     or changed\n"
    "  3  drain: possibly applied, at least one, or left for want of time\n";

static const char roster_text[] =
    "Usage: klp roster --format FORMAT [OPTION]... < document\n"
    "\n"
    "Reads the roster out of a matchmaker's document (at most 1 MiB), as klp push\n"
    "--roster-format pushes it. Asks no server. Says, without line breaks,\n"
    "  {\"key\": \"m-7\", \"player_ids\": [\"alice\", \"bob\"], \"capacity\": 4, \"metadata\": {}}\n"
    "with a capacity of 0 where it is the event's; metadata, fill_bots and event only\n"
    "where the document has them.\n"
    "\n"
    "  --format FORMAT     flexmatch_matchmaker_data, flexmatch_event, photon_webhook,\n"
    "                      steam_lobby, agones_gameserver, open_match, playfab_match,\n"
    "                      unity_match, nakama_matched or plain\n" DOCUMENT_HELP
    "  --capacity N        instead of the document's\n"
    "  --help              this text\n"
    "An option's value may also follow a `=`: --capacity=8\n"
    "\n"
    "Environment:\n"
    "  KLP_LIBRARY         the library's file, if it is not where the loader looks\n"
    "\n"
    "Exit status:\n"
    "  0  a roster\n"
    "  1  stdout takes no more\n"
    "  2  none: stderr says what is wrong with the document, or with the options\n";

static const char doctor_text[] = "Usage: klp doctor [OPTION]...\n"
                                  "\n"
                                  "Examines what a first integration trips over, as the user and on the machine of\n"
                                  "the host, and says what to do. A line each: ok, warn (it works, or may; but look\n"
                                  "at it), fail (it cannot work like this) or skip (not asked for, or it cannot be\n"
                                  "told), then what was looked at, what was found, what to do.\n"
                                  "\n"
                                  "  library, libcurl, openssl, nanomsg, sqlite\n"
                                  "              which files and versions they are, and whether the library's calls\n"
                                  "              end up there. Those of klp's process: a host that exports copies of\n"
                                  "              its own is told by its open(), KLP_E_LIBRARY\n"
                                  "  open        whether a pusher opens with these settings\n"
                                  "  key, key-file\n"
                                  "              whether it is one, and who else may read it; at most its prefix is\n"
                                  "              shown\n"
                                  "  proxy, name, connection, tls, server\n"
                                  "              how far a request without an API key comes\n"
                                  "  clock       ours against the Date of the reply\n"
                                  "  ping, permission, environment, game\n"
                                  "              what the server knows of the key\n"
                                  "  outbox, outbox-disk, -space, -sync, -files\n"
                                  "              whether the directory can be used, how safe it is, what writing\n"
                                  "              there costs, what pushers that are gone have left\n"
                                  "  results, results-folder, results-reader\n"
                                  "              whether the host is bound there, with a nanomsg REP socket\n"
                                  "  descriptors, core-dumps\n"
                                  "              what the system allows\n"
                                  "\n"
                                  "Nothing is changed: two GETs are all that is sent, the result socket gets no\n"
                                  "message, and no file is left.\n"
                                  "\n"
                                  "  --game ID           the game that the key has to be for\n"
                                  "  --expect-environment live|test\n"
                                  "                      the environment that the key has to be of\n"
                                  "  --base-url URL      of the server; default: $KRATY_BASE_URL, else\n"
                                  "                      https://api.kraty.io. Plain http only to this machine\n"
                                  "  --ca-file FILE      trust these PEM certificates instead of the system's\n"
                                  "  --key-file FILE     that holds the API key, as klp_config.api_key_file;\n"
                                  "                      default: KRATY_SERVER_KEY\n"
                                  "  --outbox DIR        the host's klp_config.outbox_dir\n"
                                  "  --outbox-max-bytes N\n"
                                  "                      its outbox_max_bytes; default 1 GiB, at least 1 MiB\n"
                                  "  --results URL       its results_url: ipc:///path or tcp://address:port\n"
                                  "  --timeout-ms N      how long each wait for the network may take; default 5000,\n"
                                  "                      at most 60000\n"
                                  "  --json              a JSON object a line: check, status, found, and advice\n"
                                  "                      where something is to be done\n"
                                  "  --help              this text\n"
                                  "An option's value may also follow a `=`: --game=game_1\n"
                                  "\n" ENVIRONMENT_HELP

                                  "\n"
                                  "Exit status:\n"
                                  "  0  nothing failed; there may be warnings\n"
                                  "  1  something failed; also when stdout takes no more\n"
                                  "  2  wrong usage; nothing was looked at\n";

int usage_tell(int command)
{
    const char *text = command == COMMAND_PUSH             ? push_text
                       : command == COMMAND_READ           ? read_text
                       : command == COMMAND_AWAIT          ? await_text
                       : command == COMMAND_PING           ? ping_text
                       : command == COMMAND_CALL           ? call_text
                       : command == COMMAND_WEBHOOK_VERIFY ? webhook_verify_text
                       : command >= COMMAND_OUTBOX         ? outbox_text
                       : command == COMMAND_ROSTER         ? roster_text
                       : command == COMMAND_DOCTOR         ? doctor_text
                                                           : whole_text;

    if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
        return EXIT_APPLIED;
    complain("stdout: %s", strerror(errno));
    return EXIT_NOT_APPLIED;
}
