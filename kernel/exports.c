// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What other modules may call: the calls of <xseg/xseg.h> that make sense in
 * the kernel, those of <xseg/kernel.h>, and what authors of types need.
 */
#include <xseg/kernel.h>
#include <xseg/signal_type.h>

#include "kernel/compat.h"

/* <xseg/xseg.h> */
XSEG_EXPORT(xseg_join);
XSEG_EXPORT(xseg_leave);
XSEG_EXPORT(xseg_reap);
XSEG_EXPORT(xseg_get_info);
XSEG_EXPORT(xseg_get_port_info);
XSEG_EXPORT(xseg_get_peer_info);
XSEG_EXPORT(xseg_get_type_info);
XSEG_EXPORT(xseg_get_stats);
XSEG_EXPORT(xseg_register_signal_type);
XSEG_EXPORT(xseg_unregister_signal_type);
XSEG_EXPORT(xseg_local_signal_init);
XSEG_EXPORT(xseg_local_signal_quit);
XSEG_EXPORT(xseg_get_signal_desc);
XSEG_EXPORT(xseg_hold_signal_desc);
XSEG_EXPORT(xseg_get_port_signal_desc);
XSEG_EXPORT(xseg_put_signal_desc);
XSEG_EXPORT(xseg_prepare_wait);
XSEG_EXPORT(xseg_cancel_wait);
XSEG_EXPORT(xseg_wait_signal);
XSEG_EXPORT(xseg_signal_and_wait);
XSEG_EXPORT(xseg_signal);
XSEG_EXPORT(xseg_set_sleep_cap);
XSEG_EXPORT(xseg_bind_port);
XSEG_EXPORT(xseg_release_port);
XSEG_EXPORT(xseg_set_port_flags);
XSEG_EXPORT(xseg_alloc_requests);
XSEG_EXPORT(xseg_free_requests);
XSEG_EXPORT(xseg_set_max_requests);
XSEG_EXPORT(xseg_get_max_requests);
XSEG_EXPORT(xseg_get_request);
XSEG_EXPORT(xseg_renew_request);
XSEG_EXPORT(xseg_put_request);
XSEG_EXPORT(xseg_prep_request);
XSEG_EXPORT(xseg_resize_request);
XSEG_EXPORT(xseg_get_data_len);
XSEG_EXPORT(xseg_set_req_data);
XSEG_EXPORT(xseg_get_req_data);
XSEG_EXPORT(xseg_submit);
XSEG_EXPORT(xseg_accept);
XSEG_EXPORT(xseg_respond);
XSEG_EXPORT(xseg_receive);
XSEG_EXPORT(xseg_forward_request);

/* <xseg/kernel.h> */
XSEG_EXPORT(xseg_set_callback);
XSEG_EXPORT(xseg_reap_later);
XSEG_EXPORT(xseg_call_waiter);

/* <xseg/signal_type.h> */
XSEG_EXPORT(xseg_ec_init);
XSEG_EXPORT(xseg_ec_rearm);
XSEG_EXPORT(xseg_ec_prepare);
XSEG_EXPORT(xseg_ec_cancel);
XSEG_EXPORT(xseg_ec_signalled);
XSEG_EXPORT(xseg_ec_sleep);
XSEG_EXPORT(xseg_ec_bump);
XSEG_EXPORT(xseg_ec_woken);
XSEG_EXPORT(xseg_ec_force);
XSEG_EXPORT(xseg_get_desc_id);
