"""What scripts give a Cluster for which there is no place here: refused, saying what does it instead.

What makes no difference is accepted.
"""

# Where a controller listens that only this machine reaches.
_HERE = ("127.0.0.1", "::1", "localhost")


def check(engines, controller, profile_dir, config, controller_args, controller_ip, controller_location):
    """Raises NotImplementedError for what can't be done here; see `Cluster`."""
    for kind, launcher in (("engines", engines), ("controller", controller)):
        if launcher is not None and not (isinstance(launcher, str) and launcher.lower() == "local"):
            raise NotImplementedError(f"{kind}={launcher!r}: engines are started on this machine, {kind}='local'")
    if profile_dir:
        raise NotImplementedError(
            f"profile_dir={profile_dir!r}: there are no folders of profiles; cluster_id= or profile= names the"
            " cluster, and work_dir= is the folder in which its engines begin"
        )
    if config:
        raise NotImplementedError(
            "config: a cluster reads no configuration; what it is to do is said by arguments of Cluster, such as"
            " scheme=, hwm= and task_store="
        )
    if controller_args:
        raise NotImplementedError(
            f"controller_args={controller_args!r}: the controller has no command line; scheme=, hwm=, task_store=,"
            " task_records_max= and task_bytes_max= say what it does"
        )
    for name, address in (("controller_ip", controller_ip), ("controller_location", controller_location)):
        if address and address not in _HERE:
            raise NotImplementedError(
                f"{name}={address!r}: the controller is on this machine, and listens to this user alone; leave"
                f" {name} away"
            )
