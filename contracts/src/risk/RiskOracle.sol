// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Ownable, Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";

import {IDodonaCallback, IDodonaOracle} from "./interfaces/IDodonaOracle.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {IDodonaRiskOracle, IRiskEnvelope, IRiskOracle} from "./interfaces/IRiskOracle.sol";
import {IVerifierRouter} from "./interfaces/IVerifier.sol";

/// @title RiskOracle
/// @notice See IDodonaRiskOracle. The owner names sources, once each; it cannot write, change or withhold an update.
/// @dev Updates are kept packed; the strings and bytes that readers expect are put together when they are read.
contract RiskOracle is IDodonaRiskOracle, IDodonaCallback, Ownable2Step {
    /// @dev One released update; `values` holds four 64-bit fields a word, the first lowest.
    struct Release {
        uint64 timestamp;
        uint64 observedAt;
        uint64 validUntil;
        uint32 previousId;
        uint8 count;
        bytes32 requestId;
        bytes32 key;
        mapping(uint256 word => uint256) values;
    }

    /// @dev What is fixed about one (market, type).
    struct Entry {
        address market;
        int8 decimals;
        bool known;
        uint32 latestId;
        string updateType;
        Source source;
    }

    uint256 private constant LANES = 4;

    IDodonaOracle private immutable _oracle;
    IRiskEnvelope private immutable _envelope;

    /// @inheritdoc IRiskOracle
    uint256 public updateCounter;

    mapping(bytes32 key => Entry) private _entries;
    mapping(uint256 updateId => Release) private _releases;
    mapping(bytes32 requestId => bytes32 key) private _pending;

    /// @param owner_ names sources.
    /// @param oracle_ where answers come from.
    /// @param envelope_ what they must pass.
    constructor(address owner_, IDodonaOracle oracle_, IRiskEnvelope envelope_) Ownable(owner_) {
        _oracle = oracle_;
        _envelope = envelope_;
    }

    /// @inheritdoc IDodonaRiskOracle
    function setSource(address market, string calldata updateType, Source calldata source) external onlyOwner {
        Entry storage entry = _entries[_key(market, updateType)];
        if (entry.known) revert SourceAlreadySet(market, updateType);
        entry.decimals = _checkSource(source);
        entry.known = true;
        entry.market = market;
        entry.updateType = updateType;
        entry.source = source;
        emit SourceSet(market, updateType, source);
    }

    /// @inheritdoc IDodonaRiskOracle
    function quoteUpdate(address market, string calldata updateType, uint8 mode) external view returns (uint256 fee) {
        return _oracle.quote(_params(_known(market, updateType), mode, address(0)));
    }

    /// @inheritdoc IDodonaRiskOracle
    function requestUpdate(address market, string calldata updateType, uint8 mode, address refundTo)
        external
        payable
        returns (bytes32 requestId)
    {
        Entry storage entry = _known(market, updateType);
        address to = refundTo == address(0) ? msg.sender : refundTo;
        requestId = _oracle.request{value: msg.value}(_params(entry, mode, to));
        _pending[requestId] = _key(market, updateType);
        emit UpdateRequested(requestId, market, updateType, msg.sender);
    }

    /// @inheritdoc IDodonaCallback
    function onDodonaAnswer(bytes32 id, IDodonaOracle.Answer calldata answer) external {
        if (msg.sender != address(_oracle)) revert NotOracle(address(_oracle), msg.sender);
        bytes32 key = _pending[id];
        if (key == 0) revert UnknownRequest(id);
        delete _pending[id];
        Entry storage entry = _entries[key];
        bytes memory reason = _refusal(id, entry, answer);
        uint256[] memory values;
        if (reason.length == 0) (values, reason) = _toBasisPoints(answer.outputs, entry.decimals);
        if (reason.length == 0) reason = _envelopeRefusal(entry, values);
        if (reason.length == 0) _release(id, key, entry, answer, values);
        else emit UpdateRejected(id, entry.market, entry.updateType, reason);
    }

    // ----------------------------------------------------------------- reading

    /// @inheritdoc IRiskOracle
    function getLatestUpdateByParameterAndMarket(string calldata updateType, address market)
        external
        view
        returns (RiskParameterUpdate memory)
    {
        uint256 id = latestUpdateIdByMarketAndType(market, updateType);
        if (id == 0) revert NoUpdate(updateType, market);
        return getUpdateById(id);
    }

    /// @inheritdoc IRiskOracle
    function getUpdateById(uint256 updateId) public view returns (RiskParameterUpdate memory update) {
        if (updateId == 0 || updateId > updateCounter) revert UpdateUnknown(updateId);
        Release storage release = _releases[updateId];
        Entry storage entry = _entries[release.key];
        update.timestamp = release.timestamp;
        update.newValue = abi.encode(_valuesOf(updateId));
        update.referenceId = Strings.toHexString(uint256(release.requestId), 32);
        if (release.previousId != 0) update.previousValue = abi.encode(_valuesOf(release.previousId));
        update.updateType = entry.updateType;
        update.updateId = updateId;
        update.market = entry.market;
        update.additionalData =
            abi.encode(release.requestId, entry.source.modelId, release.observedAt, release.validUntil);
    }

    /// @inheritdoc IRiskOracle
    function latestUpdateIdByMarketAndType(address market, string calldata updateType) public view returns (uint256) {
        return _entries[_key(market, updateType)].latestId;
    }

    /// @inheritdoc IDodonaRiskOracle
    function sourceOf(address market, string calldata updateType) external view returns (Source memory) {
        return _known(market, updateType).source;
    }

    /// @inheritdoc IDodonaRiskOracle
    function lastObservedAt(address market, string calldata updateType) external view returns (uint64) {
        return _releases[_entries[_key(market, updateType)].latestId].observedAt;
    }

    /// @inheritdoc IDodonaRiskOracle
    function oracle() external view returns (address) {
        return address(_oracle);
    }

    /// @inheritdoc IDodonaRiskOracle
    function envelope() external view returns (address) {
        return address(_envelope);
    }

    // --------------------------------------------------------------- internals

    /// @return decimals of the model's outputs
    function _checkSource(Source calldata source) private view returns (int8 decimals) {
        if (source.directVersion == 0 && source.aggregatedVersion == 0) revert BadSource("version", 0);
        if (source.callbackGasLimit == 0) revert BadSource("callbackGasLimit", 0);
        if (source.timeToLive == 0) revert BadSource("timeToLive", 0);
        if (source.maxDeliveryAge == 0) revert BadSource("maxDeliveryAge", 0);
        IModelRegistry.ModelSpec memory spec = IModelRegistry(_oracle.modelRegistry()).specOf(source.modelId);
        for (uint256 s = 0; s < spec.sources.length; ++s) {
            if (spec.sources[s].kind != 0) revert PublicSourceRefused(source.modelId, s);
        }
        if (source.seed.length != 0 && source.seed.length != spec.nOutputs) {
            revert BadSource("seed", source.seed.length);
        }
        IVerifierRouter router = IVerifierRouter(_oracle.verifierRouter());
        if (source.directVersion != 0 && router.versionOf(source.directVersion).mode != 0) {
            revert BadSource("directVersion", source.directVersion);
        }
        if (source.aggregatedVersion != 0) {
            IVerifierRouter.Version memory version = router.versionOf(source.aggregatedVersion);
            if (version.mode != 1 || version.shape != spec.shape) {
                revert BadSource("aggregatedVersion", source.aggregatedVersion);
            }
        }
        return spec.outputDecimals;
    }

    function _params(Entry storage entry, uint8 mode, address refundTo)
        private
        view
        returns (IDodonaOracle.RequestParams memory params)
    {
        Source storage source = entry.source;
        uint32 version = mode == 0 ? source.directVersion : mode == 1 ? source.aggregatedVersion : 0;
        if (version == 0) revert ModeNotAllowed(entry.market, entry.updateType, mode);
        params.modelId = source.modelId;
        params.mode = mode;
        params.callbackGasLimit = source.callbackGasLimit;
        params.verifierVersion = version;
        params.deadline = uint64(block.timestamp) + source.timeToLive;
        params.maxDataAge = source.maxDataAge;
        params.maxDeliveryAge = source.maxDeliveryAge;
        params.refundTo = refundTo;
    }

    /// @dev Why this contract itself refuses an answer; empty if it does not.
    function _refusal(bytes32 id, Entry storage entry, IDodonaOracle.Answer calldata answer)
        private
        view
        returns (bytes memory)
    {
        if (answer.modelId != entry.source.modelId) {
            return abi.encodeWithSelector(ModelMismatch.selector, entry.source.modelId, answer.modelId);
        }
        if (!answer.inDomain) return abi.encodeWithSelector(NotInDomain.selector, id);
        if (!answer.unsaturated) return abi.encodeWithSelector(Saturated.selector, id);
        uint64 last = _releases[entry.latestId].observedAt;
        if (answer.observedAt <= last) {
            return abi.encodeWithSelector(ObservationNotNewer.selector, last, answer.observedAt);
        }
        uint256 maxAge = entry.source.maxDeliveryAge;
        if (block.timestamp > answer.observedAt + maxAge) {
            return abi.encodeWithSelector(AnswerTooOld.selector, block.timestamp - maxAge, answer.observedAt);
        }
        return "";
    }

    /// @dev Outputs as whole basis points, halves rounded up. `decimals` is within ±18.
    function _toBasisPoints(int64[] calldata outputs, int8 decimals)
        private
        pure
        returns (uint256[] memory values, bytes memory reason)
    {
        uint256 factor = 10 ** uint256(int256(decimals < 0 ? -decimals : decimals));
        values = new uint256[](outputs.length);
        for (uint256 i = 0; i < outputs.length; ++i) {
            if (outputs[i] < 0) {
                return (values, abi.encodeWithSelector(NegativeValue.selector, i, int256(outputs[i])));
            }
            uint256 value = uint256(int256(outputs[i]));
            values[i] = decimals < 0 ? value * factor : (value + factor / 2) / factor;
        }
    }

    /// @dev Why the envelope refuses; empty if it does not. Nothing to say means that it ran out of gas: then the whole
    /// callback fails and may be tried again, so that nobody can spoil an answer by giving too little gas.
    function _envelopeRefusal(Entry storage entry, uint256[] memory values) private view returns (bytes memory) {
        uint32 latest = entry.latestId;
        uint256[] memory previous = latest == 0 ? entry.source.seed : _valuesOf(latest);
        uint256 releasedAt = _releases[latest].timestamp;
        try _envelope.check(entry.market, entry.updateType, previous, values, releasedAt) {
            return "";
        } catch (bytes memory reason) {
            if (reason.length == 0) revert EnvelopeFailed(address(_envelope));
            return reason;
        }
    }

    function _release(
        bytes32 id,
        bytes32 key,
        Entry storage entry,
        IDodonaOracle.Answer calldata answer,
        uint256[] memory values
    ) private {
        uint32 updateId = uint32(++updateCounter);
        Release storage release = _releases[updateId];
        release.timestamp = uint64(block.timestamp);
        release.observedAt = answer.observedAt;
        release.validUntil = answer.validUntil;
        release.previousId = entry.latestId;
        release.count = uint8(values.length);
        release.requestId = id;
        release.key = key;
        for (uint256 at = 0; at < values.length; at += LANES) {
            uint256 word = 0;
            for (uint256 j = at; j < values.length && j < at + LANES; ++j) {
                word |= values[j] << (64 * (j - at));
            }
            release.values[at / LANES] = word;
        }
        entry.latestId = updateId;
        _emitUpdate(updateId);
    }

    function _emitUpdate(uint256 updateId) private {
        RiskParameterUpdate memory update = getUpdateById(updateId);
        emit ParameterUpdated(
            update.referenceId,
            update.newValue,
            update.previousValue,
            update.timestamp,
            update.updateType,
            update.updateId,
            update.market,
            update.additionalData
        );
    }

    function _valuesOf(uint256 updateId) private view returns (uint256[] memory values) {
        Release storage release = _releases[updateId];
        values = new uint256[](release.count);
        for (uint256 i = 0; i < values.length; ++i) {
            values[i] = uint64(release.values[i / LANES] >> (64 * (i % LANES)));
        }
    }

    function _known(address market, string calldata updateType) private view returns (Entry storage entry) {
        entry = _entries[_key(market, updateType)];
        if (!entry.known) revert SourceUnknown(market, updateType);
    }

    function _key(address market, string calldata updateType) private pure returns (bytes32) {
        return keccak256(abi.encode(market, updateType));
    }
}
