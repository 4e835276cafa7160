from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CommandType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COMMAND_UNKNOWN: _ClassVar[CommandType]
    GET_CAMERA_DATA: _ClassVar[CommandType]
    LINEAR_MOVE: _ClassVar[CommandType]
    SET_JOINT_POSITION: _ClassVar[CommandType]
    GET_GRIPPER_STATE: _ClassVar[CommandType]
    GET_OBJECT_POSE: _ClassVar[CommandType]
    ADD_OBJECT: _ClassVar[CommandType]
    GET_ROBOT_LINK_POSE: _ClassVar[CommandType]
    GET_JOINT_POSITION: _ClassVar[CommandType]
    SET_GRIPPER_STATE: _ClassVar[CommandType]
    GET_OBSERVATION: _ClassVar[CommandType]
    RESET: _ClassVar[CommandType]
    ATTACH_OBJ: _ClassVar[CommandType]
    DETACH_OBJ: _ClassVar[CommandType]
    TASK_STATUS: _ClassVar[CommandType]
    EXIT: _ClassVar[CommandType]
    GET_EE_POSE: _ClassVar[CommandType]
    GET_IK_STATUS: _ClassVar[CommandType]
    INIT_ROBOT: _ClassVar[CommandType]
    ADD_CAMERA: _ClassVar[CommandType]
    SET_OBJECT_POSE: _ClassVar[CommandType]
    SET_TRAJECTORY_LIST: _ClassVar[CommandType]
    GET_OBJECT_JOINT: _ClassVar[CommandType]
    SET_TARGET_POINT: _ClassVar[CommandType]
    SET_FRAME_STATE: _ClassVar[CommandType]
    SET_LIGHT: _ClassVar[CommandType]
    GET_PART_DOF_JOINT: _ClassVar[CommandType]
    SET_LINEAR_VELOCITY: _ClassVar[CommandType]
    SET_CODE_FACE_ORIENTATION: _ClassVar[CommandType]
    ATTACH_OBJ_TO_PARENT: _ClassVar[CommandType]
    DETACH_OBJ_FROM_PARENT: _ClassVar[CommandType]
    REMOVE_OBJS_FROM_OBSTACLE: _ClassVar[CommandType]
    SET_TASK_METRIC: _ClassVar[CommandType]
    STORE_CURRENT_STATE: _ClassVar[CommandType]
    PLAYBACK: _ClassVar[CommandType]
    GET_CHECKER_STATUS: _ClassVar[CommandType]
COMMAND_UNKNOWN: CommandType
GET_CAMERA_DATA: CommandType
LINEAR_MOVE: CommandType
SET_JOINT_POSITION: CommandType
GET_GRIPPER_STATE: CommandType
GET_OBJECT_POSE: CommandType
ADD_OBJECT: CommandType
GET_ROBOT_LINK_POSE: CommandType
GET_JOINT_POSITION: CommandType
SET_GRIPPER_STATE: CommandType
GET_OBSERVATION: CommandType
RESET: CommandType
ATTACH_OBJ: CommandType
DETACH_OBJ: CommandType
TASK_STATUS: CommandType
EXIT: CommandType
GET_EE_POSE: CommandType
GET_IK_STATUS: CommandType
INIT_ROBOT: CommandType
ADD_CAMERA: CommandType
SET_OBJECT_POSE: CommandType
SET_TRAJECTORY_LIST: CommandType
GET_OBJECT_JOINT: CommandType
SET_TARGET_POINT: CommandType
SET_FRAME_STATE: CommandType
SET_LIGHT: CommandType
GET_PART_DOF_JOINT: CommandType
SET_LINEAR_VELOCITY: CommandType
SET_CODE_FACE_ORIENTATION: CommandType
ATTACH_OBJ_TO_PARENT: CommandType
DETACH_OBJ_FROM_PARENT: CommandType
REMOVE_OBJS_FROM_OBSTACLE: CommandType
SET_TASK_METRIC: CommandType
STORE_CURRENT_STATE: CommandType
PLAYBACK: CommandType
GET_CHECKER_STATUS: CommandType

class Vector3(_message.Message):
    __slots__ = ("x", "y", "z")
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    Z_FIELD_NUMBER: _ClassVar[int]
    x: float
    y: float
    z: float
    def __init__(self, x: _Optional[float] = ..., y: _Optional[float] = ..., z: _Optional[float] = ...) -> None: ...

class Quaternion(_message.Message):
    __slots__ = ("w", "x", "y", "z")
    W_FIELD_NUMBER: _ClassVar[int]
    X_FIELD_NUMBER: _ClassVar[int]
    Y_FIELD_NUMBER: _ClassVar[int]
    Z_FIELD_NUMBER: _ClassVar[int]
    w: float
    x: float
    y: float
    z: float
    def __init__(self, w: _Optional[float] = ..., x: _Optional[float] = ..., y: _Optional[float] = ..., z: _Optional[float] = ...) -> None: ...

class Pose(_message.Message):
    __slots__ = ("position", "orientation")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    ORIENTATION_FIELD_NUMBER: _ClassVar[int]
    position: Vector3
    orientation: Quaternion
    def __init__(self, position: _Optional[_Union[Vector3, _Mapping]] = ..., orientation: _Optional[_Union[Quaternion, _Mapping]] = ...) -> None: ...

class JointState(_message.Message):
    __slots__ = ("positions", "velocities", "efforts", "names")
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    VELOCITIES_FIELD_NUMBER: _ClassVar[int]
    EFFORTS_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    positions: _containers.RepeatedScalarFieldContainer[float]
    velocities: _containers.RepeatedScalarFieldContainer[float]
    efforts: _containers.RepeatedScalarFieldContainer[float]
    names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, positions: _Optional[_Iterable[float]] = ..., velocities: _Optional[_Iterable[float]] = ..., efforts: _Optional[_Iterable[float]] = ..., names: _Optional[_Iterable[str]] = ...) -> None: ...

class CameraImage(_message.Message):
    __slots__ = ("rgb_data", "depth_data", "semantic_data", "instance_data", "width", "height", "encoding", "camera_id", "camera_pose", "timestamp")
    RGB_DATA_FIELD_NUMBER: _ClassVar[int]
    DEPTH_DATA_FIELD_NUMBER: _ClassVar[int]
    SEMANTIC_DATA_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_DATA_FIELD_NUMBER: _ClassVar[int]
    WIDTH_FIELD_NUMBER: _ClassVar[int]
    HEIGHT_FIELD_NUMBER: _ClassVar[int]
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    CAMERA_ID_FIELD_NUMBER: _ClassVar[int]
    CAMERA_POSE_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    rgb_data: bytes
    depth_data: bytes
    semantic_data: bytes
    instance_data: bytes
    width: int
    height: int
    encoding: str
    camera_id: str
    camera_pose: Pose
    timestamp: float
    def __init__(self, rgb_data: _Optional[bytes] = ..., depth_data: _Optional[bytes] = ..., semantic_data: _Optional[bytes] = ..., instance_data: _Optional[bytes] = ..., width: _Optional[int] = ..., height: _Optional[int] = ..., encoding: _Optional[str] = ..., camera_id: _Optional[str] = ..., camera_pose: _Optional[_Union[Pose, _Mapping]] = ..., timestamp: _Optional[float] = ...) -> None: ...

class CameraObservation(_message.Message):
    __slots__ = ("images",)
    IMAGES_FIELD_NUMBER: _ClassVar[int]
    images: _containers.RepeatedCompositeFieldContainer[CameraImage]
    def __init__(self, images: _Optional[_Iterable[_Union[CameraImage, _Mapping]]] = ...) -> None: ...

class RobotState(_message.Message):
    __slots__ = ("joint_state", "end_effector_pose", "gripper_width", "gripper_is_grasping", "link_poses", "link_names")
    JOINT_STATE_FIELD_NUMBER: _ClassVar[int]
    END_EFFECTOR_POSE_FIELD_NUMBER: _ClassVar[int]
    GRIPPER_WIDTH_FIELD_NUMBER: _ClassVar[int]
    GRIPPER_IS_GRASPING_FIELD_NUMBER: _ClassVar[int]
    LINK_POSES_FIELD_NUMBER: _ClassVar[int]
    LINK_NAMES_FIELD_NUMBER: _ClassVar[int]
    joint_state: JointState
    end_effector_pose: Pose
    gripper_width: float
    gripper_is_grasping: bool
    link_poses: _containers.RepeatedCompositeFieldContainer[Pose]
    link_names: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, joint_state: _Optional[_Union[JointState, _Mapping]] = ..., end_effector_pose: _Optional[_Union[Pose, _Mapping]] = ..., gripper_width: _Optional[float] = ..., gripper_is_grasping: _Optional[bool] = ..., link_poses: _Optional[_Iterable[_Union[Pose, _Mapping]]] = ..., link_names: _Optional[_Iterable[str]] = ...) -> None: ...

class ObjectState(_message.Message):
    __slots__ = ("object_id", "pose", "linear_velocity", "angular_velocity", "dimensions", "category", "is_articulated", "joint_positions")
    OBJECT_ID_FIELD_NUMBER: _ClassVar[int]
    POSE_FIELD_NUMBER: _ClassVar[int]
    LINEAR_VELOCITY_FIELD_NUMBER: _ClassVar[int]
    ANGULAR_VELOCITY_FIELD_NUMBER: _ClassVar[int]
    DIMENSIONS_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    IS_ARTICULATED_FIELD_NUMBER: _ClassVar[int]
    JOINT_POSITIONS_FIELD_NUMBER: _ClassVar[int]
    object_id: str
    pose: Pose
    linear_velocity: Vector3
    angular_velocity: Vector3
    dimensions: Vector3
    category: str
    is_articulated: bool
    joint_positions: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, object_id: _Optional[str] = ..., pose: _Optional[_Union[Pose, _Mapping]] = ..., linear_velocity: _Optional[_Union[Vector3, _Mapping]] = ..., angular_velocity: _Optional[_Union[Vector3, _Mapping]] = ..., dimensions: _Optional[_Union[Vector3, _Mapping]] = ..., category: _Optional[str] = ..., is_articulated: _Optional[bool] = ..., joint_positions: _Optional[_Iterable[float]] = ...) -> None: ...

class SceneState(_message.Message):
    __slots__ = ("objects", "simulation_time", "step_count")
    OBJECTS_FIELD_NUMBER: _ClassVar[int]
    SIMULATION_TIME_FIELD_NUMBER: _ClassVar[int]
    STEP_COUNT_FIELD_NUMBER: _ClassVar[int]
    objects: _containers.RepeatedCompositeFieldContainer[ObjectState]
    simulation_time: float
    step_count: int
    def __init__(self, objects: _Optional[_Iterable[_Union[ObjectState, _Mapping]]] = ..., simulation_time: _Optional[float] = ..., step_count: _Optional[int] = ...) -> None: ...

class GetObservationRequest(_message.Message):
    __slots__ = ("include_images", "include_depth", "include_semantic", "camera_ids")
    INCLUDE_IMAGES_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_DEPTH_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_SEMANTIC_FIELD_NUMBER: _ClassVar[int]
    CAMERA_IDS_FIELD_NUMBER: _ClassVar[int]
    include_images: bool
    include_depth: bool
    include_semantic: bool
    camera_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, include_images: _Optional[bool] = ..., include_depth: _Optional[bool] = ..., include_semantic: _Optional[bool] = ..., camera_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class GetObservationResponse(_message.Message):
    __slots__ = ("success", "robot_state", "scene_state", "camera_observation", "timestamp")
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    ROBOT_STATE_FIELD_NUMBER: _ClassVar[int]
    SCENE_STATE_FIELD_NUMBER: _ClassVar[int]
    CAMERA_OBSERVATION_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    success: bool
    robot_state: RobotState
    scene_state: SceneState
    camera_observation: CameraObservation
    timestamp: float
    def __init__(self, success: _Optional[bool] = ..., robot_state: _Optional[_Union[RobotState, _Mapping]] = ..., scene_state: _Optional[_Union[SceneState, _Mapping]] = ..., camera_observation: _Optional[_Union[CameraObservation, _Mapping]] = ..., timestamp: _Optional[float] = ...) -> None: ...

class SetJointPositionRequest(_message.Message):
    __slots__ = ("positions", "velocities", "duration", "wait_for_completion")
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    VELOCITIES_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    WAIT_FOR_COMPLETION_FIELD_NUMBER: _ClassVar[int]
    positions: _containers.RepeatedScalarFieldContainer[float]
    velocities: _containers.RepeatedScalarFieldContainer[float]
    duration: float
    wait_for_completion: bool
    def __init__(self, positions: _Optional[_Iterable[float]] = ..., velocities: _Optional[_Iterable[float]] = ..., duration: _Optional[float] = ..., wait_for_completion: _Optional[bool] = ...) -> None: ...

class SetJointPositionResponse(_message.Message):
    __slots__ = ("success", "error_message", "current_state")
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    ERROR_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    CURRENT_STATE_FIELD_NUMBER: _ClassVar[int]
    success: bool
    error_message: str
    current_state: JointState
    def __init__(self, success: _Optional[bool] = ..., error_message: _Optional[str] = ..., current_state: _Optional[_Union[JointState, _Mapping]] = ...) -> None: ...

class GetJointPositionRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetJointPositionResponse(_message.Message):
    __slots__ = ("success", "joint_state")
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    JOINT_STATE_FIELD_NUMBER: _ClassVar[int]
    success: bool
    joint_state: JointState
    def __init__(self, success: _Optional[bool] = ..., joint_state: _Optional[_Union[JointState, _Mapping]] = ...) -> None: ...

class StartRecordingRequest(_message.Message):
    __slots__ = ("episode_id", "output_directory", "camera_ids", "fps", "include_depth", "include_semantic")
    EPISODE_ID_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    CAMERA_IDS_FIELD_NUMBER: _ClassVar[int]
    FPS_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_DEPTH_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_SEMANTIC_FIELD_NUMBER: _ClassVar[int]
    episode_id: str
    output_directory: str
    camera_ids: _containers.RepeatedScalarFieldContainer[str]
    fps: float
    include_depth: bool
    include_semantic: bool
    def __init__(self, episode_id: _Optional[str] = ..., output_directory: _Optional[str] = ..., camera_ids: _Optional[_Iterable[str]] = ..., fps: _Optional[float] = ..., include_depth: _Optional[bool] = ..., include_semantic: _Optional[bool] = ...) -> None: ...

class StartRecordingResponse(_message.Message):
    __slots__ = ("success", "error_message", "recording_path")
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    ERROR_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    RECORDING_PATH_FIELD_NUMBER: _ClassVar[int]
    success: bool
    error_message: str
    recording_path: str
    def __init__(self, success: _Optional[bool] = ..., error_message: _Optional[str] = ..., recording_path: _Optional[str] = ...) -> None: ...

class StopRecordingRequest(_message.Message):
    __slots__ = ("save_metadata",)
    SAVE_METADATA_FIELD_NUMBER: _ClassVar[int]
    save_metadata: bool
    def __init__(self, save_metadata: _Optional[bool] = ...) -> None: ...

class StopRecordingResponse(_message.Message):
    __slots__ = ("success", "error_message", "frames_recorded", "duration_seconds", "recording_path")
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    ERROR_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    FRAMES_RECORDED_FIELD_NUMBER: _ClassVar[int]
    DURATION_SECONDS_FIELD_NUMBER: _ClassVar[int]
    RECORDING_PATH_FIELD_NUMBER: _ClassVar[int]
    success: bool
    error_message: str
    frames_recorded: int
    duration_seconds: float
    recording_path: str
    def __init__(self, success: _Optional[bool] = ..., error_message: _Optional[str] = ..., frames_recorded: _Optional[int] = ..., duration_seconds: _Optional[float] = ..., recording_path: _Optional[str] = ...) -> None: ...

class ResetRequest(_message.Message):
    __slots__ = ("reset_robot", "reset_objects", "scene_path")
    RESET_ROBOT_FIELD_NUMBER: _ClassVar[int]
    RESET_OBJECTS_FIELD_NUMBER: _ClassVar[int]
    SCENE_PATH_FIELD_NUMBER: _ClassVar[int]
    reset_robot: bool
    reset_objects: bool
    scene_path: str
    def __init__(self, reset_robot: _Optional[bool] = ..., reset_objects: _Optional[bool] = ..., scene_path: _Optional[str] = ...) -> None: ...

class ResetResponse(_message.Message):
    __slots__ = ("success", "error_message")
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    ERROR_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    success: bool
    error_message: str
    def __init__(self, success: _Optional[bool] = ..., error_message: _Optional[str] = ...) -> None: ...

class CommandRequest(_message.Message):
    __slots__ = ("command_type", "payload")
    COMMAND_TYPE_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    command_type: CommandType
    payload: bytes
    def __init__(self, command_type: _Optional[_Union[CommandType, str]] = ..., payload: _Optional[bytes] = ...) -> None: ...

class CommandResponse(_message.Message):
    __slots__ = ("success", "error_message", "payload")
    SUCCESS_FIELD_NUMBER: _ClassVar[int]
    ERROR_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    success: bool
    error_message: str
    payload: bytes
    def __init__(self, success: _Optional[bool] = ..., error_message: _Optional[str] = ..., payload: _Optional[bytes] = ...) -> None: ...
