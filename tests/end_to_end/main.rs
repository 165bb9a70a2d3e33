//! The whole of Postrider from its doors: the command, the API, and servers that count.
//!
//! A file is a scene, named by what it shows. What was sent is counted on the receiver's side;
//! what was killed is killed when the receiver has seen so and so much, never by the time.
//! The long versions run with `tests/run --full`.

use postrider_tests::house;

mod crew;
mod examiner;
mod letter;
mod reconciled;
mod stalls;
mod standstill;

mod a_bad_client_fails_the_verdict;
mod a_full_disk_loses_nothing;
mod a_hundred_messages_with_25_refused_use_one_connection;
mod a_large_email_costs_its_size_once;
mod a_load_run_reconciles_every_recipient;
mod a_receiver_that_hangs_up_after_the_dot_leaves_doubt;
mod a_second_service_on_the_same_directory_is_refused;
mod a_slow_destination_delays_no_other;
mod bad_input_gets_a_sentence;
mod clients_of_others_pass_the_verdict;
mod dev_once_brings_everyone_to_an_end;
mod direct_delivery_asks_dns;
mod disk_trouble;
mod drain_by_sigterm_leaves_nothing_in_doubt;
mod kill_at_every_fail_point;
mod killed_ten_times_nobody_gets_it_twice;
mod limits_hold_over_workers;
mod no_window_exceeds_the_rate;
mod one_message_reaches_three_servers;
mod pause_resume_and_cancel_over_http;
mod poison;
mod real_peers_ask_for_tls_and_a_login;
mod real_peers_take_a_campaign;
mod restart_and_backup;
mod shutdown;
mod signatures_verify;
mod ten_thousand_go_out_and_a_second_run_sends_nothing;
mod the_feed_gives_every_change_once;
mod the_mock_gives_its_verdict_by_command;
mod what_the_service_signs_verifies;
mod workers_are_killed_and_nobody_gets_it_twice;
