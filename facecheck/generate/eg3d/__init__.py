"""Strips of people from NVIDIA's EG3D, with the user's checkout and checkpoint, and facecheck's cameras.

EG3D's code and weights are not part of facecheck. It uses the interface that EG3D publishes: the
checkout's ``legacy.load_network_pkl``, and the generator's ``z_dim``, ``rendering_kwargs``, ``mapping`` and
``synthesis``. The modules, in the order of use::

    yaws, camera     positions of the cameras
    checkpoint       the user's consent to run the pickle, and loading it
    render           the strip of one person
    generate         files, and continuing an interrupted run
    command          ``facecheck generate eg3d``

Source: Chan et al., Efficient Geometry-aware 3D Generative Adversarial Networks, CVPR 2022.
"""
